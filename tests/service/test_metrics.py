"""What clients can do to the measurements, and 256 of them to the probes."""

import asyncio
import re
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.load import PROBES
from tests.conftest import until
from tests.service import process
from tests.service.process import PREDICTION, Service

# All that the parser of HTTP knows, next to those that a route allows.
OTHER_METHODS = (
    "ACL BIND CHECKOUT COPY DELETE LOCK M-SEARCH MERGE MKACTIVITY MKCOL MOVE NOTIFY PATCH PROPFIND PROPPATCH PURGE PUT "
    "REBIND REPORT SEARCH UNBIND UNLOCK"
).split()
PAGES = ["/", "/docs", "/redoc", "/openapi.json", "/api/models", "/api/models/echo/metadata"]
CONNECTIONS = 256


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with process.ready(tmp_path_factory.mktemp("metrics")) as service:
        yield service


def test_methods_that_no_route_allows_share_a_label(service: Service) -> None:
    for method in [*OTHER_METHODS, "HEAD", "OPTIONS"]:
        for path in [*PAGES, *PROBES, "/metrics", PREDICTION, "/nowhere"]:
            assert service.client.request(method, path).status_code in (200, 204, 307, 404, 405)

    metrics = service.client.get("/metrics").text
    assert set(re.findall('method="([^"]*)"', metrics)) <= {"GET", "HEAD", "OPTIONS", "POST", "other"}
    assert f'_count{{handler="{PREDICTION}",method="other",status="405"}} {len(OTHER_METHODS)}.0' in metrics
    assert len(metrics) < 100_000


def test_an_unknown_method_adds_no_label(service: Service) -> None:
    before = service.client.get("/metrics").text.count("\n")
    for number in range(18):
        with socket.create_connection(service.address, timeout=30) as connection:
            connection.sendall(f"FOO{number} /docs HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert connection.recv(65_536).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 "))

    metrics = service.client.get("/metrics").text
    assert "FOO" not in metrics
    assert metrics.count("\n") <= before + 20, "one series at most"


REQUESTS = [f"GET {path}" for path in ["/metrics", "/docs", "/openapi.json", "/api/models", "/nowhere", PREDICTION]]


@pytest.mark.parametrize("request_line", REQUESTS)
def test_probes_are_answered_while_256_connections_ask(service: Service, request_line: str) -> None:
    request = f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    statuses: Counter[int] = Counter()
    probed: Counter[int] = Counter()

    async def asking() -> None:
        stream = await asyncio.open_connection(*service.address)
        for _ in range(3):
            statuses[await load.ask(stream, request)] += 1
        stream[1].close()

    async def probing(clients: "asyncio.Future[list[None]]") -> None:
        while not clients.done():
            for path in PROBES:
                stream = await asyncio.open_connection(*service.address)
                probed[await load.ask(stream, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())] += 1
                stream[1].close()

    async def both() -> None:
        clients = asyncio.gather(*(asking() for _ in range(CONNECTIONS)))
        await probing(clients)
        await clients

    asyncio.run(both())

    expected = {"/nowhere": 404, PREDICTION: 405}.get(request_line.split()[1], 200)
    assert statuses == {expected: 3 * CONNECTIONS}
    assert set(probed) == {200}


def test_a_method_that_does_not_predict_is_not_counted_as_a_prediction(service: Service) -> None:
    def outcomes() -> list[str]:
        lines = service.client.get("/metrics").text.splitlines()
        return [line for line in lines if line.startswith("model_predictions_total")]

    before = outcomes()
    for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        service.client.request(method, PREDICTION)

    assert outcomes() == before


def test_a_body_that_arrives_too_slowly_is_counted_by_its_answer(tmp_path: Path) -> None:
    with process.ready(tmp_path, service={"receive_seconds": 0.2}) as service:
        head = f"POST {PREDICTION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
        with socket.create_connection(service.address, timeout=30) as connection:
            connection.sendall(head.encode() + b"{")
            assert connection.recv(4_096).startswith(b"HTTP/1.1 408 ")

        until(lambda: service.metric('model_predictions_total{model="echo",outcome="invalid"}') == 1, "counted")
        assert service.metric('model_predictions_total{model="echo",outcome="abandoned"}') == 0
        until(lambda: f"POST {PREDICTION} 408 " in service.log, "logged")


@pytest.mark.parametrize("body", [b"zz\r\n", b"4\r\nloan\r\nzz\r\n"], ids=["at once", "later"])
@pytest.mark.parametrize("together", [True, False])
def test_a_request_whose_body_is_refused_has_one_id(service: Service, body: bytes, together: bool) -> None:
    request_id = f"refused-{together}-{len(body)}"
    head = f"POST {PREDICTION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Request-ID: {request_id}\r\n"
    packets = [f"{head}Transfer-Encoding: chunked\r\n\r\n".encode(), body]
    with socket.create_connection(service.address, timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for packet in [b"".join(packets)] if together else packets:
            connection.sendall(packet)
        answer = b"".join(iter(lambda: connection.recv(4_096), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert f"\r\nx-request-id: {request_id}\r\n".encode() in answer
    [line] = [line for line in service.log.splitlines() if request_id in line]
    assert f"POST {PREDICTION} 400 " in line
