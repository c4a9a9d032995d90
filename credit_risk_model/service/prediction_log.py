"""The prediction log: a line of JSON for each answer, with its inputs, to be compared with what happens later."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from logging.handlers import WatchedFileHandler

from asgi_correlation_id import correlation_id
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter

from credit_risk_model.service.configuration import ConfigurationError
from credit_risk_model.service.framework import LoadedModel
from credit_risk_model.service.logs import Buffered
from credit_risk_model.service.model_metrics import Observation, Observer
from credit_risk_model.service.settings import Settings

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
_STDOUT = 1


class PredictionLog:
    """Queues the lines for a thread, which writes them; drops and counts predictions when the queue is full."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        """Open the log.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        words = "Predictions that are missing in the prediction log, because it could not be written fast enough."
        dropped = Counter("prediction_log_dropped", words, registry=registry)
        self._omitted = settings.omitted
        self._log = Buffered(_handler(settings.prediction_log), dropped.inc)
        self.finish = partial(self._log.finish, 1)

    def observer(self, loaded: LoadedModel) -> Observer:
        """Return a function that logs the observations of a model."""
        name, version = loaded.model.qualified_name, loaded.model.version
        return partial(self._write, {"model": name, "model_version": version, "artifact_digest": loaded.digest})

    def _write(self, model: Mapping[str, str], observations: Sequence[Observation]) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        span = trace.get_current_span().get_span_context()
        start = {"time": time, "request_id": correlation_id.get(), **model}
        end = {"trace_id": trace.format_trace_id(span.trace_id)} if span.is_valid else {}
        lines = []
        for index, (inputs, score, label) in enumerate(observations):
            position = {"index": index} if len(observations) > 1 else {}
            known = {} if score is None else {"score": score}
            lines.append(_encode({**start, **position, "inputs": self._kept(inputs), **known, "label": label, **end}))
        self._log.handle(logging.makeLogRecord({"msg": "\n".join(lines)}))

    def _kept(self, inputs: Mapping[str, object]) -> Mapping[str, object]:
        if "*" in self._omitted:
            return {}
        return {name: value for name, value in inputs.items() if name not in self._omitted}


def _handler(target: str) -> logging.Handler:
    if target == "stdout":
        return logging.StreamHandler(open(_STDOUT, "w", closefd=False))  # sys.stdout may be None
    try:
        return WatchedFileHandler(target)
    except OSError as error:
        raise ConfigurationError(f"Cannot write the prediction log '{target}': {error.strerror}.") from error
