"""Generates the tables and pictures of README.md and docs/. `make docs` writes them, `make check` finds stale ones."""
