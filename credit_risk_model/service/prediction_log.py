"""The prediction log: a line of JSON for each answer, with its inputs, to be compared with what happens later."""

import json
import logging
import math
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from functools import partial
from logging.handlers import WatchedFileHandler
from typing import Any

from asgi_correlation_id import correlation_id
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter
from pydantic import BaseModel

from credit_risk_model.service.configuration import ConfigurationError, input_names
from credit_risk_model.service.framework import LoadedModel
from credit_risk_model.service.logs import Buffered
from credit_risk_model.service.model_metrics import Observation, Observer, rows, size
from credit_risk_model.service.settings import Settings

_STDOUT = 1


class PredictionLog:
    """Queues the lines for a thread, which writes them; drops and counts predictions when the queue is full."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        words = "Predictions that are missing in the prediction log, because it could not be written fast enough."
        dropped = Counter("prediction_log_dropped", words, registry=registry)
        self._omitted = settings.omitted
        self._log = Buffered(_handler(settings.prediction_log), dropped.inc)
        self.finish = partial(self._log.finish, 1)

    def observer(self, loaded: LoadedModel) -> Observer:
        """Return a function that logs the observations of a model."""
        name, version = loaded.model.qualified_name, loaded.model.version
        names = [each for each in input_names(loaded.model.input_schema) if self._omitted & set(each)]
        omitted = self._omitted.union(*names)
        model = {"model": name, "model_version": version, "artifact_digest": loaded.digest}
        return partial(self._write, model, omitted)

    def _write(self, model: Mapping[str, str], omitted: Set[str], observation: Observation) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        span = trace.get_current_span().get_span_context()
        start = {"time": time, "request_id": correlation_id.get(), **model}
        end = {"trace_id": trace.format_trace_id(span.trace_id)} if span.is_valid else {}
        lines, has_positions = [], size(observation) > 1
        for index, (inputs, score, label) in enumerate(rows(observation)):
            position = {"index": index} if has_positions else {}
            kept = {} if "*" in omitted else _without(omitted, inputs)
            known = {} if score is None else {"score": _without((), score)}
            lines.append(_encode({**start, **position, "inputs": kept, **known, "label": label, **end}))
        if lines:  # a batch may have no loans
            self._log.handle(logging.makeLogRecord({"msg": "\n".join(lines)}))


def _without(omitted: Set[str] | tuple[()], value: Any) -> Any:
    """Return the value without the omitted inputs, also of objects inside it, and with null for NaN and infinity."""
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        return {name: _without(omitted, each) for name, each in value.items() if name not in omitted}
    if isinstance(value, list | tuple):
        return [_without(omitted, each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """Return what JSON can have instead of a number of numpy, or of anything else."""
    return _without((), value.item()) if hasattr(value, "item") else str(value)


_encode = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


def _handler(target: str) -> logging.Handler:
    if target == "stdout":
        return logging.StreamHandler(open(_STDOUT, "w", closefd=False))  # sys.stdout may be None
    try:
        return WatchedFileHandler(target)
    except OSError as error:
        raise ConfigurationError(f"Cannot write the prediction log '{target}': {error.strerror}.") from error
