"""Scoring whole files of loans, on one machine or on a cluster."""
