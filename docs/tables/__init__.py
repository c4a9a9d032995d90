"""Generates the tables, pictures and copies in README.md, docs/ and kubernetes/; the tests find stale ones."""
