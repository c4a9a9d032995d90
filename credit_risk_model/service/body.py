"""The body of a prediction: read within its limits, and parsed as strict JSON."""

import json
import re
from collections import Counter
from typing import Any

from starlette.types import Receive, Scope

from credit_risk_model.service.errors import Refusal
from credit_risk_model.service.responses import CLOSE, RETRY_AFTER

_JSON = re.compile(rb"application/(json|[^;/\s]+\+json)").fullmatch
_CHARSET = re.compile(rb";\s*charset\s*=\s*\"?([^\s;\"]*)").search
_UTF8 = (b"utf-8", b"utf8", b"us-ascii", b"ascii")
_MARK = b"\xef\xbb\xbf"  # the byte-order mark of UTF-8


class Arriving:
    """Bounds the memory of all bodies that have not arrived completely."""

    def __init__(self, limit: int) -> None:
        self._free = limit

    def hold(self, size: int) -> None:
        """Count `size` more bytes; a negative size gives them back.

        Raises:
            Refusal: 503, there are too many.
        """
        self._free -= size
        if self._free < 0:
            raise early(503, "Overloaded", "Too many bodies are arriving; retry.", RETRY_AFTER)


async def read(scope: Scope, receive: Receive, limit: int, arriving: Arriving) -> bytes:
    """Return the body.

    Raises:
        Refusal: 415 for another content type than JSON in UTF-8, 413 for a longer body, 503 for too many bodies that
            arrive at the same time: the rest of the body is not read.
    """
    headers = dict(scope["headers"])
    content_type = headers.get(b"content-type", b"").lower()
    kind = content_type.partition(b";")[0].strip()
    if not _JSON(kind):
        found = kind.decode("latin-1") or "none"
        raise Refusal(415, "UnsupportedMediaType", [f"The content type must be application/json, found {found}."])
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refusal(415, "UnsupportedMediaType", ["The body must not be compressed."])
    if int(headers.get(b"content-length", b"0")) > limit:
        raise _too_long(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body") and len(message["body"]) <= limit:
        body = bytes(message["body"])  # came whole, as most do
    else:
        body = await _collect(message, receive, limit, arriving)
    charset = _CHARSET(content_type)
    if charset and charset[1] not in _UTF8 and not body.isascii():
        found = charset[1].decode("latin-1")
        raise Refusal(415, "UnsupportedMediaType", [f"The charset must be utf-8, found {found}."])
    return body


async def _collect(message: Any, receive: Receive, limit: int, arriving: Arriving) -> bytes:
    body = bytearray()
    try:
        while True:
            if message["type"] != "http.request":
                raise Refusal(400, "MalformedBody", ["The client left before the body was complete."])
            body += message["body"]
            arriving.hold(len(message["body"]))
            if len(body) > limit:
                raise _too_long(limit)
            if not message.get("more_body"):
                return bytes(body)
            message = await receive()
    finally:
        arriving.hold(-len(body))


def early(status: int, kind: str, text: str, *headers: tuple[bytes, bytes]) -> Refusal:
    """Return an error that ends a request before its body was read, and so the connection."""
    refusal = Refusal(status, kind, [text], [CLOSE, *headers])
    refusal.early = True
    return refusal


def _too_long(limit: int) -> Refusal:
    return early(413, "BodyTooLarge", f"The body is longer than {limit} bytes.")


def parse(body: bytes, value_limit: int) -> Any:
    """Return the JSON value.

    Raises:
        Refusal: 400, the body is not JSON in UTF-8, an object has a key twice, or there are more than `value_limit`
            commas and colons: the check of so many values would keep the interpreter's lock from the probes.
    """
    try:
        if body.count(b",") + body.count(b":") > value_limit:
            raise ValueError(f"more than {value_limit} values")
        return _decode(body.removeprefix(_MARK).decode())
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 at byte {error.start}"
    except json.JSONDecodeError as error:
        problem = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        problem = str(error)
    raise Refusal(400, "MalformedBody", [f"Invalid JSON: {problem}."])


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"duplicate key '{key}'")
    return content


_decode = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant).decode  # safe for threads
