"""`/metrics` on a port of its own, and the formats in which it answers."""

import gzip
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import httpx
import pytest
from prometheus_client.openmetrics import parser as open_metrics

from benchmarks.load import PROBES
from tests.conftest import ROOT
from tests.service import process
from tests.service.process import PREDICTION, Service, free_port

OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"  # as Prometheus asks


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Service]:
    with process.ready(tmp_path_factory.mktemp("port"), service={"metrics_port": port}) as service:
        yield service


@pytest.fixture(scope="module")
def metrics(service: Service, port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client


def test_the_metrics_are_only_on_their_port(service: Service, metrics: httpx.Client) -> None:
    service.predict()

    assert service.client.get("/metrics").status_code == 404
    assert 'model_predictions_total{model="echo",outcome="answered"}' in metrics.get("/metrics").text


@pytest.mark.parametrize("path", ["/", *PROBES, "/docs", "/openapi.json", "/api/models", PREDICTION, "/nowhere"])
def test_the_port_of_the_metrics_has_nothing_else(metrics: httpx.Client, path: str) -> None:
    answer = metrics.post(path, json={"number": 1}) if path == PREDICTION else metrics.get(path)

    assert (answer.status_code, answer.json()["type"]) == (404, "NotFound")


def test_the_metrics_are_there_while_the_models_load(tmp_path: Path) -> None:
    port, gate = free_port(), tmp_path / "gate"
    model = {"configuration": {"loads_with": str(gate)}}
    with process.starting(tmp_path, model, service={"metrics_port": port}):
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics")

    assert 'service_state{state="loading"} 1.0' in answer.text


def test_the_metrics_are_there_while_the_service_drains(tmp_path: Path) -> None:
    port = free_port()
    with process.ready(tmp_path, service={"metrics_port": port, "drain_seconds": 60}) as service:
        service.drain()
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics")

    assert 'service_state{state="draining"} 1.0' in answer.text


def test_a_busy_port_of_the_metrics_ends_the_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        configuration = process.write_configuration(tmp_path, service={"metrics_port": port})
        done = subprocess.run(
            [*process.COMMAND, "--port", "0"], cwd=ROOT, env=os.environ | {"REST_CONFIG": str(configuration)},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr == (
        f"Cannot listen on 127.0.0.1:{port}: Address already in use. The setting metrics_port names this port.\n"
    )


def test_a_client_that_accepts_open_metrics_gets_it(metrics: httpx.Client) -> None:
    answer = metrics.get("/metrics", headers={"Accept": OPEN_METRICS})

    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    parsed = open_metrics.text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]  # has no types
    families = {family.name for family in parsed}
    assert {"model_predictions", "http_request_duration_seconds", "service_state"} <= families


def test_other_clients_get_the_text_format(metrics: httpx.Client) -> None:
    answer = metrics.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "\n# TYPE model_predictions_total counter\n" in answer.text


@pytest.mark.parametrize("accepted", [None, "br", "gzip", "deflate, gzip;q=0.5"])
def test_the_metrics_are_compressed_only_if_the_client_accepts_it(
    service: Service, port: int, accepted: str | None
) -> None:
    request = Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept-Encoding": accepted} if accepted else {})
    with urlopen(request, timeout=30) as answer:
        body, headers = answer.read(), answer.headers

    compressed = accepted is not None and "gzip" in accepted
    assert headers["content-encoding"] == ("gzip" if compressed else None)
    assert headers["vary"] == "accept, accept-encoding"
    assert b"service_state{" in (gzip.decompress(body) if compressed else body)


def test_scrapes_in_all_formats_at_the_same_time_get_their_own(metrics: httpx.Client, port: int) -> None:
    formats = [(kind, encoding) for kind in ("*/*", OPEN_METRICS) for encoding in ("identity", "gzip")]
    connections = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(10) for _ in formats]
    for number, connection in enumerate(connections):
        kind, encoding = formats[number % len(formats)]
        head = f"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: {kind}\r\nAccept-Encoding: {encoding}\r\n"
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode())

    for number, connection in enumerate(connections):
        kind, encoding = formats[number % len(formats)]
        with connection:
            answer, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")  # noqa: B023
        text = gzip.decompress(body) if encoding == "gzip" else body
        assert (b"application/openmetrics-text" in answer) == (kind == OPEN_METRICS) == text.endswith(b"# EOF\n")


def test_a_scrape_is_neither_logged_nor_counted(service: Service, metrics: httpx.Client) -> None:
    metrics.get("/metrics", headers={"X-Request-ID": "a-scrape"})

    assert "a-scrape" not in service.log
    assert 'handler="/metrics"' not in metrics.get("/metrics").text
