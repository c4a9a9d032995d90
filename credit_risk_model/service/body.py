"""The body of a prediction: read within its limits, and parsed as strict JSON."""

import json
import re
from collections import Counter
from typing import Any

from starlette.types import Receive, Scope

from credit_risk_model.service.errors import Refusal
from credit_risk_model.service.responses import CLOSE

_JSON = re.compile(rb"application/(json|[^;/\s]+\+json)").fullmatch
_CHARSET = re.compile(rb";\s*charset\s*=\s*\"?([^\s;\"]*)").search
_UTF8 = (b"utf-8", b"utf8", b"us-ascii", b"ascii")
_MARK = b"\xef\xbb\xbf"  # the byte-order mark of UTF-8


async def read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the body; a longer one, or one that is not JSON in UTF-8, is refused and not read to its end."""
    headers = dict(scope["headers"])
    content_type = headers.get(b"content-type", b"").lower()
    kind = content_type.partition(b";")[0].strip()
    if not _JSON(kind):
        shown = kind.decode("latin-1") or "none"
        raise Refusal(415, "UnsupportedMediaType", [f"The content type must be application/json, found {shown}."])
    encoding = headers.get(b"content-encoding")
    if encoding and encoding.strip().lower() not in (b"identity", b""):
        raise Refusal(415, "UnsupportedMediaType", ["The body must not be compressed."])
    if int(headers.get(b"content-length", b"0")) > limit:
        raise _too_long(limit)
    body = await _collect(receive, limit)
    charset = _CHARSET(content_type)
    if charset and charset[1] not in _UTF8 and not body.isascii():
        shown = charset[1].decode("latin-1")
        raise Refusal(415, "UnsupportedMediaType", [f"The charset must be utf-8, found {shown}."])
    return body


async def _collect(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refusal(400, "MalformedBody", ["The client left before the body was complete."])
        body += message["body"]
        if len(body) > limit:
            raise _too_long(limit)
        if not message.get("more_body"):
            return bytes(body)


def _too_long(limit: int) -> Refusal:
    return Refusal(413, "BodyTooLarge", [f"The body is longer than {limit} bytes."], [CLOSE])


def parse(body: bytes, value_limit: int) -> Any:
    """Return the JSON value.

    More than `value_limit` commas and colons are refused: validating more would hold the interpreter's lock too long.
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
        problem = str(error).partition("; use sys.")[0]
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
