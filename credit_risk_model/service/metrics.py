"""What Prometheus is told."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
OUTCOMES = {200: "answered", 400: "invalid", 413: "invalid", 415: "invalid", 500: "failed", 503: "refused"}


class Metrics:
    """The measurements of one application; probes and the reading of the metrics themselves are not among them."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
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
        self._info = Gauge("model_info", "1, for the version in the label.", ["model", "version"], registry=registry)

    def add_model(self, name: str, version: str, load_seconds: float) -> None:
        """Tell of a model that was loaded."""
        self._load.labels(name).set(load_seconds)
        self._info.labels(name, version).set(1)

    def add_endpoint(self, name: str, running: Callable[[], float], waiting: Callable[[], float]) -> None:
        """Show from now on how many predictions of this model there are."""
        self._running.labels(name).set_function(running)
        self._waiting.labels(name).set_function(waiting)
        for outcome in OUTCOMES.values():
            self._outcomes.labels(name, outcome)  # shown from the start, at 0

    def observe(self, method: str, handler: str, status: int, seconds: float, model: str | None) -> None:
        """Count one request, and the outcome of a prediction where it was one."""
        self._requests.labels(method, handler, str(status)).observe(seconds)
        if model is not None and (outcome := OUTCOMES.get(status)):
            self._outcomes.labels(model, outcome).inc()

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
