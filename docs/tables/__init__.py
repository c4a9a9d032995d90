"""The tables and pictures of README.md and docs/; `make docs` writes them, and `make check` fails where one is stale."""
