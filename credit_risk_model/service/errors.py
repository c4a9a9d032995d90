"""The error format, and the one place where an exception becomes an answer.

Any module may raise a `Refusal`. The errors that several modules raise have a function here.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Iterable, Sequence
from http import HTTPStatus

from asgi_correlation_id import correlation_id
from starlette.types import ASGIApp, Receive, Scope, Send

from credit_risk_model.service.responses import CLOSE, RETRY_AFTER, Header, respond

logger = logging.getLogger(__name__)
MOST_MESSAGES = 100
CLIENT_LEFT = 499  # nginx's code for a request whose client has closed its connection; only the log has it
_CHARACTERS = 300  # of one message


class Refusal(Exception):  # noqa: N818  # the error is the client's
    """A request that is answered with an error; `more` messages were left out."""

    def __init__(
        self, status: int, kind: str, messages: Sequence[str], headers: Iterable[Header] = (), more: int = 0
    ) -> None:
        super().__init__(status, kind, messages)
        self.status = status
        self.kind = kind
        self.headers = headers
        shown = [text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}..." for text in messages]
        if more:
            shown.append(f"and {more} more")
        content = {"type": kind, "messages": shown}
        self.body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def malformed(message: str) -> Refusal:
    return Refusal(400, "MalformedRequest", [message])


def overloaded(message: str) -> Refusal:
    return Refusal(503, "Overloaded", [message], [RETRY_AFTER])


def raw_answer(refusal: Refusal, request_id: str | None = None) -> bytes:
    """Return the bytes of an answer that the server itself gives; the connection closes after it.

    The application logs a request to which it has given a `request_id`; this function logs the others.
    """
    body = refusal.body
    if request_id is None:
        request_id = uuid.uuid4().hex
        logger.info("Refused a request with %d, id %s: %s", refusal.status, request_id, body.decode())
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        CLOSE,
        *refusal.headers,
    ]
    lines = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}".encode()]
    lines += [b"%s: %s" % header for header in headers]
    return b"\r\n".join([*lines, b"", body])


class Errors:
    """Answers every exception that a request raises."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
            return
        except Refusal as error:
            refusal = error.with_traceback(None)
        except asyncio.CancelledError:  # the server cancels what is still in flight after `finish_seconds`
            refusal = Refusal(503, "Stopping", ["The service is shutting down; retry."], [RETRY_AFTER])
        except Exception:
            logger.exception("%s %s failed.", scope["method"], scope["path"])
            message = f"Internal error. See request id {correlation_id.get()} in the log."
            refusal = Refusal(500, "ServiceError", [message])
        if "status" not in scope["state"]:  # which the access log notes when an answer starts
            scope["state"]["error"] = refusal.kind
            await respond(send, refusal.status, refusal.body, refusal.headers)
