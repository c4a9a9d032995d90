"""What an operator sees of a running service."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.load import PROBES
from tests.conftest import until
from tests.service import process
from tests.service.process import PREDICTION, Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with process.ready(tmp_path_factory.mktemp("observed"), service={"log_format": "json"}) as service:
        yield service


def records(service: Service) -> list[dict[str, object]]:
    return [json.loads(line) for line in service.log.splitlines()]


@pytest.mark.parametrize("path", [*PROBES, "/metrics", "/docs", "/nowhere", "/api/models/nobody/metadata"])
def test_every_answer_has_an_id(service: Service, path: str) -> None:
    first, second = (service.client.get(path).headers["x-request-id"] for _ in range(2))

    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize("given", ["a", "7f9c", "trace-1:span_2/x.y+z=@", "x" * 128])
def test_a_well_formed_id_is_kept(service: Service, given: str) -> None:
    assert service.client.get("/api/models", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, '"', "a\tb", "<script>"])
def test_another_id_is_replaced(service: Service, given: str) -> None:
    answer = service.client.get("/api/models", headers={"X-Request-ID": given})

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_a_replaced_id_is_not_logged(service: Service) -> None:
    service.client.get(PROBES[0], headers={"X-Request-ID": "two words"})

    assert "two words" not in service.log


def test_a_request_has_one_line_with_its_id(service: Service) -> None:
    service.client.post(PREDICTION, json={"number": 1}, headers={"X-Request-ID": "one-line"})

    # The line comes after the answer.
    [line] = until(lambda: [each for each in records(service) if each["request_id"] == "one-line"], "a line")
    assert (line["method"], line["path"], line["status"], line["level"]) == ("POST", PREDICTION, 200, "INFO")
    assert isinstance(line["milliseconds"], float)


def test_every_line_is_json_with_the_same_fields(service: Service) -> None:
    for record in records(service):
        assert {"time", "level", "logger", "message", "request_id"} <= record.keys()
        assert "color_message" not in record


def test_probes_and_metrics_leave_no_line(service: Service) -> None:
    for path in [*PROBES, "/metrics"]:
        service.client.get(path, headers={"X-Request-ID": "no-line"})
    service.client.get("/api/models", headers={"X-Request-ID": "after-them"})

    until(lambda: "after-them" in service.log, "the line of a later request")
    assert "no-line" not in service.log


def test_a_path_cannot_inject_a_line_into_the_log(service: Service) -> None:
    service.client.get("/nowhere%0d%0aERROR%20all%20is%20lost")

    assert until(lambda: "/nowhere%0d%0aERROR%20all%20is%20lost" in service.log, "the line")


def test_a_loaded_model_has_one_line_with_its_seconds(service: Service) -> None:
    lines = [str(record["message"]) for record in records(service) if "echo" in str(record["message"])]

    assert re.fullmatch(r"Loaded echo 1\.2\.3 in \d+\.\d\d s\.", lines[0])
    assert [line for line in lines if "oaded" in line] == lines[:1]


def test_the_text_log_has_the_id_in_each_line(tmp_path: Path) -> None:
    with process.ready(tmp_path) as service:
        service.client.get("/api/models", headers={"X-Request-ID": "some-id"})

        until(lambda: "[some-id] GET /api/models 200 " in service.log, "the line")
        for line in service.log.splitlines():
            assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ +\[(-|some-id|[0-9a-f]{32})\] ", line)


@pytest.mark.parametrize(
    ("content", "outcome"), [(b'{"number": 1}', "answered"), (b"{", "invalid"), (b'{"number": 501}', "failed")]
)
def test_predictions_are_counted_by_outcome(service: Service, content: bytes, outcome: str) -> None:
    line = f'model_predictions_total{{model="echo",outcome="{outcome}"}}'
    before = service.metric(line)

    service.client.post(PREDICTION, content=content, headers={"content-type": "application/json"})

    assert service.metric(line) == before + 1


def test_durations_are_measured_from_half_a_millisecond(service: Service) -> None:
    service.predict()

    metrics = service.client.get("/metrics").text
    buckets = re.findall(rf'_bucket{{handler="{PREDICTION}",le="([^"]+)",method="POST",status="200"}}', metrics)
    assert buckets[:3] == ["0.0005", "0.001", "0.0025"]


def test_probes_and_unknown_paths_make_no_series(service: Service) -> None:
    for path in [*PROBES, "/metrics", "/typing-error"]:
        service.client.get(path)

    metrics = service.client.get("/metrics").text
    assert "/api/health" not in metrics
    assert 'handler="/metrics"' not in metrics
    assert "typing-error" not in metrics
    assert 'handler="other"' in metrics


def test_the_metrics_have_the_version_and_the_load_time_of_a_model(service: Service) -> None:
    assert service.metric('model_info{digest="",model="echo",version="1.2.3"}') == 1
    assert service.metric('model_load_seconds{model="echo"}') >= 0


def test_metrics_are_there_only_where_they_are_enabled(tmp_path: Path) -> None:
    with process.ready(tmp_path, metrics={"enabled": False}) as service:
        assert service.client.get("/metrics").status_code == 404
