"""The one shape of every error, `{"type": ..., "messages": [...]}`."""

import json
from collections.abc import Iterable, Sequence

from asgi_correlation_id import correlation_id
from starlette.types import Send

Header = tuple[bytes, bytes]
RETRY_AFTER: Header = (b"retry-after", b"1")  # seconds


class Refusal(Exception):  # noqa: N818  # the error is the client's
    """A request that ends in an error: what the client is told, and nothing else."""

    def __init__(self, status: int, kind: str, messages: Sequence[str], headers: Iterable[Header] = ()) -> None:
        super().__init__(status, kind, messages)
        self.status = status
        self.headers = headers
        self.body = json.dumps({"type": kind, "messages": messages}, ensure_ascii=False, separators=(",", ":")).encode(
            errors="replace"
        )

    async def send(self, send: Send, more_body: bool = False) -> None:
        """Send this error as the answer; with `more_body`, an empty message has yet to end it."""
        await answer(send, self.status, self.body, self.headers, more_body)


def internal_error() -> Refusal:
    """Return the answer to an exception; its words go to the log, and the id of the request leads there."""
    return Refusal(500, "ServiceError", [f"Something went wrong; the log tells what, at id {correlation_id.get()}."])


async def answer(send: Send, status: int, body: bytes, headers: Iterable[Header] = (), more_body: bool = False) -> None:
    """Send a whole answer."""
    fixed = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": fixed})
    await send({"type": "http.response.body", "body": body, "more_body": more_body})
