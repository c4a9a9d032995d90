"""Whole answers as ASGI messages, and the headers that several of them share."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.types import Scope, Send

Header = tuple[bytes, bytes]
CLOSE: Header = (b"connection", b"close")
RETRY_AFTER: Header = (b"retry-after", b"1")  # seconds


async def respond(
    send: Send, status: int, body: bytes, headers: Iterable[Header] = (), kind: bytes = b"application/json"
) -> None:
    """Send a whole answer of the content type `kind`."""
    whole = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": whole})
    await send({"type": "http.response.body", "body": body})


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
        if self.quiet:
            scope["state"]["quiet"] = True
        await respond(send, self.status, self.body, self.headers, self.kind)
