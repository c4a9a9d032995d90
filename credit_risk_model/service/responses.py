"""Whole answers as ASGI messages, and the headers that several of them share."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]
CLOSE: Header = (b"connection", b"close")
RETRY_AFTER: Header = (b"retry-after", b"1")  # seconds
_LINGER = 1.0  # seconds


async def respond(
    send: Send, status: int, body: bytes, headers: Iterable[Header] = (), kind: bytes = b"application/json"
) -> None:
    """Send a whole answer of the content type `kind`."""
    await send({"type": "http.response.start", "status": status, "headers": _headers(body, headers, kind)})
    await send({"type": "http.response.body", "body": body})


async def respond_early(receive: Receive, send: Send, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
    """Send a whole answer before the request has arrived, and discard the rest of the request for a second at most.

    Closing at once would reset the connection of a client that writes its whole body first, and lose the answer.
    """
    start = {"type": "http.response.start", "status": status, "headers": _headers(body, headers, b"application/json")}
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body"})


@dataclass(frozen=True)
class Page:
    """A whole answer that never changes."""

    status: int
    body: bytes
    kind: bytes
    """The content type."""
    headers: tuple[Header, ...] = ()
    quiet: bool = False
    """Whether the access log and the metrics leave the request out."""

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer with this page.

        Raises:
            RuntimeError: the framework could not make the page; the message is its body, which no client sees.
        """
        if self.status == 500:
            raise RuntimeError(self.body.decode())
        if self.quiet:
            scope["state"]["quiet"] = True
        await respond(send, self.status, self.body, self.headers, self.kind)


def _headers(body: bytes, headers: Iterable[Header], kind: bytes) -> list[Header]:
    return [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *headers]
