"""The loading of the models, watched from within the framework's own loop over them."""

import logging
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ml_base import MLModel
from ml_base.utilities import ModelManager

logger = logging.getLogger(__name__)
_STATM = Path("/proc/self/statm")


def watched(models: Iterable[Any], loaded: Callable[[int, MLModel, float], None]) -> Iterator[Any]:
    """Yield each configuration, and tell when its model is there: its index, the model, the seconds it took.

    The framework takes the next one when the one before is loaded.
    """
    for index, configuration in enumerate(models):
        start, before = time.perf_counter(), _resident_megabytes()
        yield configuration
        seconds, megabytes = time.perf_counter() - start, _resident_megabytes() - before
        name = ModelManager().get_models()[-1]["qualified_name"]
        model = ModelManager().get_model(name)
        loaded(index, model, seconds)
        logger.info("Loaded %s %s in %.2f s and %.1f MB.", name, model.version, seconds, megabytes)


def _resident_megabytes() -> float:
    """Return the memory that the process has now, on Linux; 0 elsewhere."""
    pages = _STATM.read_text().split()[1] if _STATM.exists() else 0
    return int(pages) * resource.getpagesize() / 1e6
