"""LightGBM, imported here first, so that a system library that it lacks is named with its package."""

try:
    import lightgbm
except OSError as error:
    if "omp" not in str(error):
        raise
    raise ImportError(
        f"LightGBM cannot be loaded: {error}. Install libgomp1 (Debian, Ubuntu), libgomp (Fedora) or libomp (Homebrew)."
    ) from error

__all__ = ["lightgbm"]
