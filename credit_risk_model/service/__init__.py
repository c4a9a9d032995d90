"""Serves any `ml_base.MLModel` with health checks, limits and metrics; it depends on no particular model."""
