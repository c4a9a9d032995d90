"""The methods of each route: HEAD answers as GET without the body, and OPTIONS lists what is allowed."""

import socket
from collections.abc import Iterator

import pytest

from benchmarks.load import PROBES
from tests.service import process
from tests.service.process import PREDICTION, Service

FILES = ["/static/style.css", "/static/page/page.js", "/static/page/states.json"]
PAGES = ["/", "/docs", "/redoc", "/openapi.json", "/api/models", "/api/models/echo/metadata", *FILES]
CHANGING = ("date", "x-request-id")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with process.ready(tmp_path_factory.mktemp("methods")) as service:
        yield service


def raw(service: Service, request: str) -> bytes:
    """Return all that comes back on a connection."""
    with socket.create_connection(service.address, timeout=30) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize("path", [*PAGES, *PROBES, "/nowhere", PREDICTION])
def test_head_has_the_status_and_headers_of_get(service: Service, path: str) -> None:
    got, headed = service.client.get(path), service.client.head(path)

    assert headed.status_code == got.status_code
    if path != PREDICTION:  # the words of its 405 name the method
        kept = [{k: v for k, v in each.headers.items() if k not in CHANGING} for each in (got, headed)]
        assert kept[0] == kept[1]
        assert int(headed.headers["content-length"]) == len(got.content)


@pytest.mark.parametrize("path", [*PAGES, *PROBES, "/metrics", "/nowhere", PREDICTION])
def test_head_has_no_body(service: Service, path: str) -> None:
    answer = raw(service, f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert b"\r\ncontent-length: " in answer
    assert answer.partition(b"\r\n\r\n")[2] == b""


@pytest.mark.parametrize("path", [*PAGES, *PROBES, "/metrics"])
def test_options_names_the_methods_of_a_page(service: Service, path: str) -> None:
    answer = service.client.options(path)

    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "GET, HEAD, OPTIONS", b"")
    assert "content-length" not in answer.headers


def test_options_names_the_method_of_a_prediction(service: Service) -> None:
    answer = service.client.options(PREDICTION)

    assert (answer.status_code, answer.headers["allow"]) == (204, "POST, OPTIONS")


def test_options_of_the_whole_server_names_them_all(service: Service) -> None:
    answer = raw(service, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"\r\nallow: GET, HEAD, POST, OPTIONS\r\n" in answer


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_other_methods_of_the_whole_server_are_not_found(service: Service, method: str) -> None:
    answer = raw(service, f"{method} * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nx-request-id: " in answer


def test_the_check_of_haproxy_finds_the_server_up(service: Service) -> None:
    answer = raw(service, "OPTIONS / HTTP/1.0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 204 ")


def test_options_of_an_unknown_path_is_not_found(service: Service) -> None:
    assert service.client.options("/nowhere").status_code == 404
