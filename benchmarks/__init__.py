"""What is measured: the programs, and what came out."""
