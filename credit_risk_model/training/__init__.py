"""Trains the shipped models: prepares the loans, fits, checks, evaluates, and packs the artifacts."""
