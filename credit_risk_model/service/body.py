"""The body of a request: read within a limit, and taken for JSON only where it is."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from typing import Any

from starlette.types import Receive, Scope

from credit_risk_model.service.answers import Header, Refusal

CLOSE: Header = (b"connection", b"close")
_LINGER = 1.0  # seconds


async def read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the body.

    Raises:
        Refusal: 415 for another content type than JSON, 413 for a longer body: the rest of it is not read.
    """
    headers = dict(scope["headers"])
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        found = kind.decode("latin-1") or "none"
        raise Refusal(415, "UnsupportedMediaType", [f"The content type must be application/json, found {found}."])
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise Refusal(415, "UnsupportedMediaType", ["The body must not be compressed."])
    if int(headers.get(b"content-length", b"0")) > limit:
        raise _too_long(limit)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refusal(400, "MalformedBody", ["The client left before the body was complete."])
        body += message["body"]
        if len(body) > limit:
            raise _too_long(limit)
        if not message.get("more_body"):
            if not body and b"upgrade" in headers:  # httptools takes what follows for another protocol
                problem = "The body cannot be read beside an Upgrade header; send it without."
                raise Refusal(400, "MalformedRequest", [problem], [CLOSE])
            return bytes(body)


def _too_long(limit: int) -> Refusal:
    return Refusal(413, "BodyTooLarge", [f"The body is longer than {limit} bytes."], [CLOSE])


async def discard(receive: Receive) -> None:
    """Throw away what still comes, for a second at most.

    A client that writes all of its body before it reads would have its connection reset, and its answer lost, if the
    connection were closed at once.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            while (await receive()).get("more_body"):
                pass


def parse(body: bytes) -> Any:
    """Return what the JSON says.

    Raises:
        Refusal: 400, the body is no JSON in UTF-8, or one of its objects has a key twice.
    """
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        problem = f"no UTF-8 at byte {error.start}"
    except json.JSONDecodeError as error:
        problem = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        problem = str(error)
    raise Refusal(400, "MalformedBody", [f"The body is no JSON that can be read: {problem}."])


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"key '{key}' stands twice")
    return found
