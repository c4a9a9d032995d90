"""Compares the predictions that were logged with what became of the loans."""
