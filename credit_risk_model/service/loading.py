"""The loading of the models, watched from within the framework's own loop over them."""

import gc
import logging
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from ml_base import MLModel
from ml_base.utilities import ModelManager

logger = logging.getLogger(__name__)


class WatchedModels(list[Any]):
    """The configurations of the models; the framework takes the next one when the one before is loaded."""

    def __init__(self, models: list[Any], loaded: Callable[[int, MLModel, float], None]) -> None:
        super().__init__(models)
        self._loaded = loaded

    def __iter__(self) -> Iterator[Any]:
        """Yield each configuration, and tell when its model is there: its index, the model, the seconds it took."""
        for index, configuration in enumerate(super().__iter__()):
            start, before = time.perf_counter(), _resident_megabytes()
            yield configuration
            seconds, megabytes = time.perf_counter() - start, _resident_megabytes() - before
            name = ModelManager().get_models()[-1]["qualified_name"]
            model = ModelManager().get_model(name)
            self._loaded(index, model, seconds)
            logger.info("Loaded %s %s in %.2f s and %.1f MB.", name, model.version, seconds, megabytes)
        # What is loaded stays. Each full search for garbage among it would hold up every probe for some 50 ms.
        gc.collect()
        gc.freeze()


def _resident_megabytes() -> float:
    """Return the most memory that the process had so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
