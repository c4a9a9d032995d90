"""The benchmarks of the project, and the results that they recorded."""
