"""The answers to requests that are wrong."""

import gzip
import http.client
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import until
from tests.service import process
from tests.service.process import PREDICTION, Service

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    other = {"class_path": "tests.service.models.OtherEcho", "create_endpoint": False}
    doubling = {"class_path": "tests.service.models.Doubling"}
    with process.ready(tmp_path_factory.mktemp("answers"), {"decorators": [doubling]}, other) as service:
        yield service


def shape(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Return status, type and messages of an error, which has nothing else."""
    body = answer.json()
    assert list(body) == ["type", "messages"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    return answer.status_code, body["type"], body["messages"]


def test_a_decorated_model_answers(service: Service) -> None:
    assert service.predict(4).json() == {"number": 8.0}


# From Python 3.14 on, the size of the stack is the limit, which may allow that depth.
DEEP = ("nested too deeply", "column 60001") if sys.version_info >= (3, 14) else "nested too deeply"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Expecting value at line 1, column 1"),
        (b'{"number": 1', "Expecting ',' delimiter at line 1, column 13"),
        (b'{"number": 1} x', "Extra data"),
        (b'{"number": "\x00"}', "Invalid control character"),
        (b'{"number": "\xff"}', "not UTF-8 at byte 12"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "Expecting value at line 1, column 1"),
        ('{"number": 1}'.encode("utf-16"), "not UTF-8 at byte 0"),
        (b'{"number": 1, "number": 1}', "duplicate key 'number'"),
        (b'{"number": 1, "items": [{"size": 1, "size": 2}]}', "duplicate key 'size'"),
        (b"[" * 60_000, DEEP),
        (b'{"number": ' + b"9" * 5_000 + b"}", "4300 digits"),
        (b'{"number": NaN}', "NaN is not a JSON number"),
        (b'{"number": -Infinity}', "-Infinity is not a JSON number"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else value,
)
def test_invalid_json_is_located(service: Service, body: bytes, words: str | tuple[str, ...]) -> None:
    status, kind, [message] = shape(service.client.post(PREDICTION, content=body, headers=JSON))

    assert (status, kind) == (400, "MalformedBody")
    assert any(each in message for each in ([words] if isinstance(words, str) else words))


@pytest.mark.parametrize("body", ["[]", "null", "3", '"text"', "true"])
def test_a_body_that_is_not_an_object_is_refused(service: Service, body: str) -> None:
    answer = service.client.post(PREDICTION, content=body, headers=JSON)

    assert shape(answer) == (400, "ValidationError", ["body: Input should be an object"])


def test_each_wrong_field_is_named_by_its_path(service: Service) -> None:
    body = {"number": "x", "items": [{"size": 1}, {"size": -1}, {"size": 1, "colour": 2}, {}], "more": 1}

    status, kind, messages = shape(service.client.post(PREDICTION, json=body))

    assert (status, kind) == (400, "ValidationError")
    assert [message.split(":")[0] for message in messages] == [
        "number", "items[1].size", "items[2].colour", "items[3].size", "more",
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["1e999", "9" * 4_000])
def test_a_number_that_json_does_not_have_is_refused_by_the_schema(service: Service, number: str) -> None:
    answer = service.client.post(PREDICTION, content=f'{{"number": {number}}}', headers=JSON)

    assert shape(answer)[:2] == (400, "ValidationError")


def test_a_key_that_is_not_valid_unicode_is_still_shown(service: Service) -> None:
    answer = service.client.post(PREDICTION, content=b'{"number": 1, "\\ud800": 1}', headers=JSON)

    assert shape(answer)[:2] == (400, "ValidationError")


def test_a_refusal_of_the_model_keeps_its_message(service: Service) -> None:
    assert shape(service.predict(400)) == (400, "SchemaValidationError", ["400 is not allowed."])


@pytest.mark.parametrize("limit", [65_536])
def test_a_body_at_the_limit_is_read(service: Service, limit: int) -> None:
    body = b'{"number": 1}'

    answer = service.client.post(PREDICTION, content=body.ljust(limit), headers=JSON)

    assert answer.status_code == 200
    assert shape(service.client.post(PREDICTION, content=body.ljust(limit + 1), headers=JSON)) == (
        413, "BodyTooLarge", ["The body is longer than 65536 bytes."],
    )  # fmt: skip


def test_a_body_without_a_length_is_read_to_the_limit_and_no_further(service: Service) -> None:
    connection = http.client.HTTPConnection(*service.address, timeout=30)
    connection.putrequest("POST", PREDICTION)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    for _ in range(66):  # and never an end
        connection.send(b"400\r\n" + b" " * 1024 + b"\r\n")

    answer = connection.getresponse()

    assert (answer.status, answer.getheader("connection")) == (413, "close")


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "with its length"])
@pytest.mark.parametrize("size", [1_000_000, 20_000_000])
def test_a_client_that_writes_all_of_a_long_body_first_gets_its_answer(
    service: Service, size: int, chunked: bool
) -> None:
    connection = http.client.HTTPConnection(*service.address, timeout=30)
    body = iter([b" " * 10_000] * (size // 10_000)) if chunked else b" " * size

    connection.request("POST", PREDICTION, body, JSON, encode_chunked=chunked)
    answer = connection.getresponse()

    assert (answer.status, answer.getheader("connection")) == (413, "close")
    assert b"BodyTooLarge" in answer.read()


def test_a_client_that_never_ends_a_long_body_is_disconnected(tmp_path: Path) -> None:
    head = f"POST {PREDICTION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n"
    with (
        process.ready(tmp_path, service={"receive_seconds": 0.5}) as service,
        socket.create_connection(service.address, timeout=30) as connection,
    ):
        connection.sendall(head.encode())

        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_in_pieces_is_put_together(service: Service) -> None:
    pieces = iter([b'{"num', b'ber": ', b"1}"])

    assert service.client.post(PREDICTION, content=pieces, headers=JSON).json() == {"number": 2.0}


def test_a_client_that_leaves_early_does_no_harm(service: Service) -> None:
    head = f"POST {PREDICTION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    abandoned = 'model_predictions_total{model="echo",outcome="abandoned"}'
    before = service.metric(abandoned)
    with socket.create_connection(service.address) as connection:
        connection.sendall(head.encode() + b"{")

    until(lambda: service.metric(abandoned) > before, "it is noticed")
    assert "Traceback" not in service.log


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_another_content_type_is_refused(service: Service, kind: str) -> None:
    answer = service.client.post(PREDICTION, content=b'{"number": 1}', headers={"content-type": kind})

    assert shape(answer)[:2] == (415, "UnsupportedMediaType")


def test_a_body_without_a_content_type_is_refused(service: Service) -> None:
    assert shape(service.client.post(PREDICTION, content=b'{"number": 1}'))[0] == 415


def test_a_compressed_body_is_refused(service: Service) -> None:
    headers = JSON | {"content-encoding": "gzip"}

    answer = service.client.post(PREDICTION, content=gzip.compress(b'{"number": 1}'), headers=headers)

    assert shape(answer) == (415, "UnsupportedMediaType", ["The body must not be compressed."])


def test_a_content_type_may_have_parameters(service: Service) -> None:
    kind = {"content-type": "Application/JSON; charset=utf-8"}

    assert service.client.post(PREDICTION, content=b'{"number": 1}', headers=kind).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/models/nobody/prediction"),
        ("POST", "/api/models/other_echo/prediction"),
        ("GET", "/api/models/nobody/metadata"),
        ("GET", "/nowhere"),
        ("POST", "/api/models//prediction"),
        ("GET", "/api/health/"),
    ],
)
def test_an_unknown_path_or_model_is_not_found(service: Service, method: str, path: str) -> None:
    assert shape(service.client.request(method, path, json={}))[:2] == (404, "NotFound")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PREDICTION, "POST, OPTIONS"),
        ("DELETE", "/api/health", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/models", "GET, HEAD, OPTIONS"),
        ("POST", "/metrics", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_refused_with_the_one_that_is_allowed(
    service: Service, method: str, path: str, allowed: str
) -> None:
    answer = service.client.request(method, path)

    assert shape(answer)[:2] == (405, "MethodNotAllowed")
    assert answer.headers["allow"] == allowed


SECRETS = {500: "validation", 501: "prediction", 502: "exit", 503: "iteration", 504: "cancellation"}


@pytest.mark.parametrize("number", SECRETS, ids=SECRETS.get)
def test_an_internal_error_reveals_only_its_id(service: Service, number: int) -> None:
    answer = service.client.post(PREDICTION, json={"number": number}, headers={"X-Request-ID": f"error-{number}"})

    status, kind, [message] = shape(answer)
    assert (status, kind) == (500, "ServiceError")
    assert f"error-{number}" in message
    assert "secret" not in answer.text
    assert f"[error-{number}] POST {PREDICTION} failed." in service.log
    last = rf"ModelError: echo raised [\w.]+: a secret of the {SECRETS[number]}\n"
    assert len(re.findall(last, service.log)) == 1, "the last line of the traceback has the message of the cause"


def test_malformed_http_is_answered_in_the_same_shape(service: Service) -> None:
    with socket.create_connection(service.address, timeout=30) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'{"type":"MalformedRequest","messages":["Invalid HTTP request: ' in answer


def answer_to(service: Service, *pieces: bytes) -> bytes:
    """Return all that is answered on a connection, on which no further piece is sent once there is an answer."""
    with socket.create_connection(service.address, timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
            if select.select([connection], [], [], 0.005)[0]:
                break
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_malformed_http_has_an_id_that_is_in_the_log(service: Service) -> None:
    answer = answer_to(service, b"NONSENSE\r\n\r\n")

    [request_id] = re.findall(rb"x-request-id: ([0-9a-f]{32})\r\n", answer)
    assert request_id.decode() in service.log


ENDLESS = [b"x: " + b"y" * 1_000 + b"\r\n"] * 200


@pytest.mark.parametrize(
    "start",
    [b"", b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"],
    ids=["head", "trailer"],
)
def test_a_head_or_trailer_without_end_is_not_read_to_it(service: Service, start: bytes) -> None:
    answer = answer_to(service, f"POST {PREDICTION} HTTP/1.1\r\nHost: x\r\n".encode() + start, *ENDLESS)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"The head is longer than 65536 bytes or 128 headers." in answer


def test_pipelined_requests_do_not_count_as_a_long_head(service: Service) -> None:
    body = b'{"number": 1}'
    one = f"POST {PREDICTION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    last = f"{one}Connection: close\r\n\r\n".encode() + body

    answer = answer_to(service, (f"{one}\r\n".encode() + body) * 1_000 + last)

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 1_001


def test_an_upgrade_is_ignored_and_its_body_read(service: Service) -> None:
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}

    assert service.client.post(PREDICTION, json={"number": 1}, headers=headers).json() == {"number": 2.0}


def test_a_body_limit_is_set_for_each_model(tmp_path: Path) -> None:
    other = {"class_path": "tests.service.models.OtherEcho", "service": {"body_limit": 20}}
    with process.ready(tmp_path, {}, other, service={"body_limit": 40}) as service:
        body = b'{"number": 1}'
        sizes = {"echo": 40, "other_echo": 20}

        for name, size in sizes.items():
            path = f"/api/models/{name}/prediction"
            assert service.client.post(path, content=body.ljust(size), headers=JSON).status_code == 200
            assert service.client.post(path, content=body.ljust(size + 1), headers=JSON).status_code == 413


def test_an_early_answer_arrives_though_idle_connections_are_closed_sooner_than_slow_bodies(tmp_path: Path) -> None:
    head = f"POST {PREDICTION} HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nContent-Length: 9000\r\n\r\n"
    with (
        process.ready(tmp_path, service={"keep_alive_seconds": 1}) as service,
        socket.create_connection(service.address, timeout=30) as connection,
    ):
        connection.sendall(head.encode())
        for _ in range(2):
            time.sleep(2)
            connection.sendall(b"a" * 4500)  # the second one raises an exception after a reset
        answer = http.client.HTTPResponse(connection)
        answer.begin()

        assert answer.status == 415
