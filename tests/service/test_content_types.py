"""Which bodies are JSON in UTF-8, by their content type, charset, encoding and first bytes."""

import http.client
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from tests.service import process
from tests.service.process import PREDICTION, Service

ASCII = b'{"number": 1}'
BEYOND_ASCII = '{"number": 1, "é": 1}'  # is read, and then refused for the unknown field


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with process.ready(tmp_path_factory.mktemp("types")) as service:
        yield service


def post(service: Service, content: bytes, kind: str, **headers: str) -> httpx.Response:
    return service.client.post(PREDICTION, content=content, headers={"content-type": kind} | headers)


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; charset=UTF-8",
        'application/json; charset="utf-8"',
        'application/json; profile="https://example.org/x"; Charset="UTF-8"',
        "application/json; charset=utf8",
        "application/vnd.api+json",
        "application/ld+json; charset=utf-8",
        "application/problem+JSON",
    ],
)
def test_json_in_utf8_is_read(service: Service, kind: str) -> None:
    answer = post(service, BEYOND_ASCII.encode(), kind)

    assert (answer.status_code, answer.json()["messages"]) == (400, ["é: Extra inputs are not permitted"])
    assert post(service, ASCII, kind).status_code == 200


@pytest.mark.parametrize("charset", ["latin1", "ISO-8859-1", "windows-1252", "utf-16", '"latin1"'])
def test_another_charset_is_read_only_where_it_makes_no_difference(service: Service, charset: str) -> None:
    kind = f"application/json; charset={charset}"

    assert post(service, ASCII, kind).status_code == 200
    refused = post(service, BEYOND_ASCII.encode("latin-1"), kind)
    assert refused.status_code == 415
    assert charset.strip('"').lower() in refused.json()["messages"][0]
    assert post(service, BEYOND_ASCII.encode(), kind).status_code == 415, "it is not what it says"


@pytest.mark.parametrize(
    "kind",
    [
        "text/json", "text/plain", "application/json+xml", "application/xml", "application/+json", "*/*", "json",
        "image/svg+json", "application/json, text/plain", "multipart/form-data; boundary=x",
    ],
)  # fmt: skip
def test_another_type_is_refused_with_its_name(service: Service, kind: str) -> None:
    answer = post(service, ASCII, kind)

    assert (answer.status_code, answer.json()["type"]) == (415, "UnsupportedMediaType")
    assert f"found {kind.partition(';')[0]}." in answer.text


def test_one_byte_order_mark_is_ignored(service: Service) -> None:
    assert post(service, b"\xef\xbb\xbf" + ASCII, "application/json").json() == {"number": 1.0}
    assert post(service, b"\xef\xbb\xbf" * 2 + ASCII, "application/json").status_code == 400


@pytest.mark.parametrize("encoding", ["identity", "Identity", "IDENTITY", "identity ", ""])
def test_content_encoding_identity_is_accepted(service: Service, encoding: str) -> None:
    with closing(http.client.HTTPConnection(*service.address)) as connection:  # sends spaces as they are
        headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
        connection.request("POST", PREDICTION, ASCII, headers)

        assert connection.getresponse().status == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, identity", "identity, gzip", "x"])
def test_a_compressed_body_is_refused(service: Service, encoding: str) -> None:
    answer = post(service, ASCII, "application/json", **{"content-encoding": encoding})

    assert (answer.status_code, answer.json()["messages"]) == (415, ["The body must not be compressed."])
