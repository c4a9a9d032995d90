"""What the servers run: each program does what the documentation of its server shows."""
