"""Predictions as spans of OpenTelemetry, received over OTLP."""

import json
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics

from benchmarks.load import PREDICTION as OF_THE_MODEL
from benchmarks.load import PROBES
from credit_risk_model.service import configuration
from credit_risk_model.service.application import create_app
from credit_risk_model.service.loading import Lifespan
from tests.conftest import CONFIGURATION, STOCK, serving, until
from tests.service import process
from tests.service.process import PREDICTION

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "some-request"}
INJECTED = """\
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
"""


class Receiver(ThreadingHTTPServer):
    """Receives the spans as an OpenTelemetry collector does."""

    def __init__(self, protocol: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.protocol = protocol
        self.spans: list[Any] = []

    @property
    def environment(self) -> dict[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server_port}",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "50",  # milliseconds
        }

    def span(self, name: str) -> Any:
        """Wait for the only span with this name."""
        [span] = until(lambda: [span for span in self.spans if span.name == name], f"a span {name}")
        return span


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        for resource in self.server.protocol.ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    module = "opentelemetry.proto.collector.trace.v1.trace_service_pb2"
    protocol = pytest.importorskip(module, reason="the extra 'traces' is not installed")
    with Receiver(protocol) as receiver:
        threading.Thread(target=receiver.serve_forever).start()
        yield receiver
        receiver.shutdown()


@pytest.fixture(params=["by FastAPI", "injected"])
def environment(request: pytest.FixtureRequest, receiver: Receiver, tmp_path: Path) -> dict[str, str]:
    """The two ways in which OpenTelemetry is configured from outside the process."""
    if request.param == "by FastAPI":
        return receiver.environment | {"FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    (tmp_path / "injected").mkdir()
    (tmp_path / "injected" / "sitecustomize.py").write_text(INJECTED)
    return receiver.environment | {"PYTHONPATH": str(tmp_path / "injected")}


def test_a_prediction_continues_the_trace_of_its_client(
    receiver: Receiver, environment: dict[str, str], tmp_path: Path
) -> None:
    with process.ready(tmp_path, environment=environment) as service:
        service.client.post(PREDICTION, json={"number": 1}, headers=GIVEN)
        span = receiver.span(f"POST {PREDICTION}")

    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.kind == span.SPAN_KIND_SERVER
    found = attributes(span)
    assert (found["http.route"], found["http.response.status_code"]) == (PREDICTION, 200)
    assert (found["prediction.model"], found["prediction.outcome"]) == ("echo", "answered")
    seconds = found["prediction.queue_seconds"] + found["prediction.predict_seconds"]
    assert 0 < seconds <= (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


def test_only_requests_to_the_models_make_spans(
    receiver: Receiver, environment: dict[str, str], tmp_path: Path
) -> None:
    with process.ready(tmp_path, environment=environment) as service:
        for path in [*PROBES, "/metrics", "/", "/docs"]:
            service.client.get(path)
        service.predict()
        receiver.span(f"POST {PREDICTION}")

    assert len(receiver.spans) == 1


@pytest.mark.parametrize(
    ("number", "outcome", "status"), [('"x"', "invalid", 400), ("501", "failed", 500), ("1", "answered", 200)]
)
def test_a_span_has_the_outcome(receiver: Receiver, tmp_path: Path, number: str, outcome: str, status: int) -> None:
    environment = receiver.environment | {"FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    with process.ready(tmp_path, environment=environment) as service:
        headers = {"content-type": "application/json"}
        service.client.post(PREDICTION, content=f'{{"number": {number}}}', headers=headers)
        span = receiver.span(f"POST {PREDICTION}")

    found = attributes(span)
    assert (found["prediction.outcome"], found["http.response.status_code"]) == (outcome, status)
    assert (span.status.code == span.status.STATUS_CODE_ERROR) == (status == 500)


def test_the_time_in_the_queue_and_in_the_model_are_separate(receiver: Receiver, tmp_path: Path) -> None:
    environment = receiver.environment | {"FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    slow = {"configuration": {"predicts_with": str(tmp_path / "gate")}}
    with process.ready(tmp_path, slow, environment=environment) as service:
        threads = [threading.Thread(target=service.predict) for _ in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: service.metric('model_predictions_waiting{model="echo"}') == 1, "one waits")
        service.open_gate()
        for thread in threads:
            thread.join()
        first, second = sorted(
            until(lambda: len(receiver.spans) == 2 and map(attributes, receiver.spans), "both spans"),
            key=lambda found: float(found["prediction.queue_seconds"]),
        )

    assert second["prediction.queue_seconds"] > second["prediction.predict_seconds"]
    assert first["prediction.predict_seconds"] > first["prediction.queue_seconds"]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_lines_of_a_request_have_the_id_of_its_trace(
    receiver: Receiver, environment: dict[str, str], tmp_path: Path, log_format: str
) -> None:
    with process.ready(tmp_path, environment=environment, service={"log_format": log_format}) as service:
        service.client.post(PREDICTION, json={"number": 501}, headers=GIVEN)
        lines = [line for line in service.log.splitlines() if "some-request" in line]

    assert len(lines) == 2, "the error and the access log"
    if log_format == "json":
        assert [json.loads(line)["trace_id"] for line in lines] == [TRACE, TRACE]
    else:
        assert all(f" [some-request {TRACE}] " in line for line in lines)


def test_the_last_spans_are_exported_before_the_end(
    receiver: Receiver, environment: dict[str, str], tmp_path: Path
) -> None:
    late = environment | {"OTEL_BSP_SCHEDULE_DELAY": "600000"}
    with process.ready(tmp_path, environment=late, service={"drain_seconds": 0.1}) as service:
        service.predict()
        service.signal(signal.SIGTERM)
        assert service.process.wait(timeout=60) == 0

    assert [span.name for span in receiver.spans] == [f"POST {PREDICTION}"]


def test_a_span_has_everything_that_the_stock_application_gives_it(
    receiver: Receiver, tmp_path: Path, loan: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stock application runs in the environment of the tests too, because that of the service lacks the SDK."""
    for name, value in (receiver.environment | {"FASTAPI_OTEL_AUTO_CONFIGURE": "true"}).items():
        monkeypatch.setenv(name, value)
    spans = []
    for command in (process.COMMAND, (process.COMMAND[0], "-m", *STOCK)):
        receiver.spans.clear()
        with serving(tmp_path, CONFIGURATION, command=command) as client:
            until(lambda: client.get(PROBES[1]).status_code == 200, "ready")
            client.post(OF_THE_MODEL, json=loan)
            spans.append(receiver.span(f"POST {OF_THE_MODEL}"))

    ours, stock = map(attributes, spans)
    assert {name: ours.get(name) for name in stock} == stock | {"server.port": ours["server.port"]}
    assert spans[0].kind == spans[1].kind


@pytest.mark.parametrize("is_sampled", [True, False])
def test_only_a_sampled_trace_is_an_exemplar_of_the_metrics(
    receiver: Receiver, environment: dict[str, str], tmp_path: Path, is_sampled: bool
) -> None:
    traceparent = GIVEN["traceparent"] if is_sampled else GIVEN["traceparent"].removesuffix("01") + "00"
    with process.ready(tmp_path, environment=environment) as service:
        service.client.post(PREDICTION, json={"number": 1}, headers={"traceparent": traceparent})
        service.client.get("/docs", headers=GIVEN)
        accept = {"accept": "application/openmetrics-text"}
        text = until(
            lambda: PREDICTION in (found := service.client.get("/metrics", headers=accept).text) and found, "counted"
        )
        plain = service.client.get("/metrics").text

    families = open_metrics(text)  # type: ignore[no-untyped-call]  # prometheus_client types only its other parser
    samples = [sample for family in families for sample in family.samples]
    exemplars = [sample for sample in samples if sample.exemplar]
    assert [sample.exemplar.labels for sample in exemplars] == [{"trace_id": TRACE}] * is_sampled
    assert all(sample.labels["handler"] == PREDICTION for sample in exemplars)
    assert TRACE not in plain, "the text format has no exemplars"


def test_no_request_enters_the_traces_where_nothing_is_configured() -> None:
    assert isinstance(create_app(configuration.read(CONFIGURATION, {})), Lifespan)
