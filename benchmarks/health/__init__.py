"""The health-check test: the same faults in every server, and whether its probes tell the truth about them."""
