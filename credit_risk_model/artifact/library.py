"""Imports LightGBM before any other module does, so that the error for a missing system library names its package."""

try:
    import lightgbm
except OSError as error:
    if "omp" not in str(error):
        raise
    raise ImportError(
        f"LightGBM cannot be loaded: {error}. Install libgomp1 (Debian, Ubuntu), libgomp (Fedora) or libomp (Homebrew)."
    ) from error

__all__ = ["lightgbm"]
