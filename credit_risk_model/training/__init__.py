"""Trains the shipped models: prepares the loans, fits, checks, evaluates, and packs the artifacts."""

# Imported before LightGBM, so that the error about a missing system library names its package.
import credit_risk_model.artifact.library  # noqa: F401
