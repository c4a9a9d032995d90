"""The measurements that Prometheus reads."""

import asyncio
import gzip
from collections.abc import Callable, Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics import exposition as open_metrics
from prometheus_client.registry import Collector

from credit_risk_model.service.errors import CLIENT_LEFT
from credit_risk_model.service.model_metrics import ModelMetrics
from credit_risk_model.service.predictions import Predictions
from credit_risk_model.service.state import State, Status

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = ("GET", "HEAD", "OPTIONS", "POST")  # those that a route allows
OUTCOMES = ("answered", "invalid", "refused", "expired", "abandoned", "failed")
_BY_STATUS = {200: "answered", CLIENT_LEFT: "abandoned", 500: "failed", 503: "refused"}
TEXT, OPEN_METRICS = CONTENT_TYPE_LATEST, open_metrics.CONTENT_TYPE_LATEST  # the formats, as content types
_ENCODE: dict[str, Callable[[CollectorRegistry], bytes]] = {
    TEXT: generate_latest,
    OPEN_METRICS: open_metrics.generate_latest,
}


class Metrics:
    """The measurements of one application. Probes and `/metrics` are not counted."""

    def __init__(self, status: Status) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        labels = ["method", "handler", "status"]
        self._requests = Histogram(
            "http_request_duration_seconds",
            "Time from a request to its answer.",
            labels,
            registry=registry,
            buckets=BUCKETS,
        )
        self._outcomes = Counter(
            "model_predictions", "Predictions by outcome.", ["model", "outcome"], registry=registry
        )
        self._running = Gauge("model_predictions_running", "Predictions in a thread now.", ["model"], registry=registry)
        self._waiting = Gauge("model_predictions_waiting", "Predictions that wait now.", ["model"], registry=registry)
        self._load = Gauge("model_load_seconds", "Time that loading took.", ["model"], registry=registry)
        labels = ["model", "version", "digest"]
        self._info = Gauge("model_info", "1, for the version and the artifact's digest.", labels, registry=registry)
        registry.register(_States(status))
        self.models = ModelMetrics(registry)
        self._lock = asyncio.Lock()
        self._next: dict[tuple[str, bool], asyncio.Future[bytes]] = {}

    def add_model(self, name: str, version: str, digest: str, load_seconds: float) -> None:
        self._load.labels(name).set(load_seconds)
        self._info.labels(name, version, digest).set(1)

    def add_endpoint(self, name: str, predictions: Predictions) -> None:
        self._running.labels(name).set_function(lambda: predictions.running)
        self._waiting.labels(name).set_function(lambda: predictions.waiting)
        for outcome in OUTCOMES:
            self._outcomes.labels(name, outcome)  # shown from the start, at 0

    def observe(self, method: str, handler: str, status: int, seconds: float, trace_id: str | None = None) -> None:
        """Count one request; a `trace_id` becomes the exemplar of its bucket."""
        method = method if method in METHODS else "other"
        exemplar = {"trace_id": trace_id} if trace_id else None
        self._requests.labels(method, handler, str(status)).observe(seconds, exemplar)

    def observe_prediction(self, model: str, status: int, error: str | None) -> None:
        self._outcomes.labels(model, outcome(status, error)).inc()

    async def exposition(self, format_: str, compress: bool) -> bytes:
        """Return everything in a format; requests for it that come at the same time share one computation."""
        wanted = (format_, compress)
        if wanted not in self._next:
            self._next[wanted] = asyncio.ensure_future(self._make(format_, compress))
        return await asyncio.shield(self._next[wanted])

    async def _make(self, format_: str, compress: bool) -> bytes:
        async with self._lock:
            del self._next[format_, compress]  # requests from now on need newer values
            return await asyncio.to_thread(self._encode, format_, compress)

    def _encode(self, format_: str, compress: bool) -> bytes:
        text = _ENCODE[format_](self.registry)
        return gzip.compress(text, compresslevel=1) if compress else text


def outcome(status: int, error: str | None) -> str:
    """Return the outcome of a prediction; `error` is the type of its error."""
    return "expired" if error == "DeadlineExceeded" and status == 503 else _BY_STATUS.get(status, "invalid")


class _States(Collector):
    """Shows the state, read once for each scrape."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = self._status.state
        states = GaugeMetricFamily("service_state", "1 for the state now, 0 for the others.", labels=["state"])
        for state in State:
            states.add_metric([state.value], state is now)
        yield states
