"""HTTP/1.1 with one request at a time for each connection, and errors in our format.

The parser gets pieces that end where a head or a body ends. A request is parsed after the one before it was answered;
what has arrived of it is queued, with reading paused. So pipelining is bounded, and an error is answered after the
requests before it. connection.py says why this uses the internals of uvicorn.
"""

from typing import Any

import httptools
from starlette.types import Message, Receive, Scope, Send

from credit_risk_model.service.connection import LimitedConnection
from credit_risk_model.service.connections import Connections, Phase
from credit_risk_model.service.errors import Refusal, malformed

_END = b"\r\n\r\n"  # of a head and of a chunked body; the parser accepts no other line ends
_OVERLAP = len(_END) - 1  # bytes of one packet with which the end may begin
_PIECES = 16  # parsed in one pass of the event loop
_SMALL = 4_096  # bytes; a body that is not longer and comes with its head is not counted: it saves time for nearly all


class LimitedProtocol(LimitedConnection):
    """Parses what arrives on one connection."""

    def __init__(self, connections: Connections, **keywords: Any) -> None:
        super().__init__(connections, **keywords)
        self.headers = []
        self.app_state = {**self.app_state, "client_left": self._client_left}  # copied for each request
        self._application = self.app
        self._last_bytes = b""  # of the packet before: the end of a head may be split between two packets
        self._body_left = 0  # bytes, of a body with a length
        self._framing = 0  # bytes since the head began, or since the last byte of a chunked body
        self._problem: Refusal | None = None  # found by a callback of the parser
        self._following = 0  # bytes that arrived together with the piece that is parsed, and follow it
        self._counted = False  # whether the body counts as buffered

    # Called by asyncio

    def data_received(self, data: bytes) -> None:
        """Parse one request, and queue what follows it."""
        if self._finished or self._discards:
            return
        self._unset_keepalive_if_required()
        data = self._queue + data
        start, size = 0, len(data)
        for _ in range(_PIECES):
            if start == size or self._phase is Phase.WORKING:
                break
            if self._body_left:
                piece = data[start : start + self._body_left]
                self._body_left -= len(piece)
            else:
                piece = data[start : _end(b"" if start else self._last_bytes, data, start)]
                self._framing += len(piece)
            start += len(piece)
            self._following = size - start
            self._parse(piece)
            if self._problem:
                self.shared.malformed.inc()
                self._refuse(self._problem)
                return
            if self._closes and self.transport.is_closing():
                return
            if self._counted and not self.cycle.response_complete:
                self._arriving.set(self._arriving.size + len(piece))
        if start < size or self._queue or self._counted or self._phase is not Phase.WORKING:
            self._wait(data, start)

    def _parse(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._ignore_upgrade()
        except httptools.HttpParserCallbackError:  # uvicorn parses the target in a callback
            words = "The request target is neither a path nor a valid URL with a path."
            self._problem = self._problem or malformed(words)
        except httptools.HttpParserError as error:
            self._problem = self._problem or malformed(f"Invalid HTTP request: {error}.")
        if not self._body_left:  # in a head, in a trailer, or between chunks
            self._problem = self._problem or self._too_long()

    def _too_long(self) -> Refusal | None:
        """Return why a head or trailer, complete or not, is refused."""
        size, count = self._limits.head_bytes, self._limits.header_count
        if self._framing > size or len(self.headers) > count:
            return malformed(f"The head is longer than {size} bytes or {count} headers.")
        return None

    def _ignore_upgrade(self) -> None:
        """Parse the head again without Upgrade: the parser takes what follows for another protocol, not for a body."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._problem = Refusal(501, "NotImplemented", ["CONNECT is not supported: this server is not a proxy."])
        else:
            lines = [b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode())]
            lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
            self.parser = httptools.HttpRequestParser(self)  # the old one skips what follows Connection: close
            self._parse(b"\r\n".join([*lines, b"", b""]))

    def _wait(self, data: bytes, start: int) -> None:
        """Wait for the client or the application, and keep what has arrived within the limits."""
        self._set_queue(data[start:])
        if self._phase is not Phase.WORKING:
            if self._framing and self._phase is not Phase.BODY:
                if not data[-self._framing :].isspace():
                    self._phase = Phase.HEAD
                self._arriving.set(self._framing)
            self._last_bytes = b"" if self._queue else (self._last_bytes + data[-_OVERLAP:])[-_OVERLAP:]
            if self._phase is Phase.IDLE:  # after a body that was answered before, or empty lines
                self._start_idle_timer()
            else:
                self._start_receive_timer()
            if self._queue:
                self.loop.call_soon(self._continue)
        self._limit_buffers()

    def _continue(self) -> None:
        if not self.transport.is_closing():
            self.data_received(b"")

    # Called by the parser

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # and feed_data() raises HttpParserUpgrade
        fields = dict(self.headers)
        if b"host" not in fields:
            if self.parser.get_http_version() != "1.0":
                self._problem = malformed("The Host header is missing.")
        elif len(fields) < len(self.headers) and [name for name, _ in self.headers].count(b"host") > 1:
            self._problem = malformed("There is more than one Host header.")
        self._problem = self._problem or self._too_long()
        if self._problem:
            return
        self._body_left = int(fields.get(b"content-length", 0))
        is_long = self._body_left > min(_SMALL, self._following)
        self._counted = is_long or b"transfer-encoding" in fields
        self.app = self._run if self._counted else self._application
        if self.expect_100_continue and self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # such a client would take 100 for its answer
        super().on_headers_complete()
        if self._closes:
            self.cycle.keep_alive = False
        self._phase = Phase.BODY
        self._framing = 0
        if self._arriving.size:
            self._arriving.set(0)
        self.headers = []  # of the trailer, which must not change the headers that the application has

    def on_body(self, body: bytes) -> None:
        self._framing = 0  # counts again for the next chunk
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._phase is Phase.BODY:
            super().on_message_complete()
            self._phase = Phase.WORKING
            self._framing = 0
            self._stop_receive_timer()
            if self.cycle.response_complete:
                self._end_request()

    def _end_request(self) -> None:
        self._phase = Phase.IDLE
        if self._closes:
            self.transport.close()

    # Called by uvicorn and the application

    def _client_left(self) -> bool:
        return self.cycle.disconnected

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; the body counts as buffered until the application has all of it."""

        async def take() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message["more_body"]:
                self._arriving.set(0)
                self.flow.resume_reading()
            return message

        async def give(message: Message) -> None:
            ends = message["type"] == "http.response.body" and not message.get("more_body")
            if ends and self._phase is Phase.BODY and not self.cycle.keep_alive:
                self.cycle.keep_alive = self._closes = True
            await send(message)

        await self._application(scope, take, give)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._phase is Phase.WORKING:
            self._end_request()
        elif self._phase is Phase.BODY:  # its rest still arrives, for which the client has `receive_seconds`
            self._unset_keepalive_if_required()
        if self._counted:
            self._arriving.set(0)
        self.shared.renew(self)
        if self._queue:
            self.loop.call_soon(self._continue)


def _end(before: bytes, data: bytes, start: int) -> int:
    """Return where the first end of a head after `start` ends, or the length of the data.

    If `start` is the first byte of the data, `before` has the last bytes of the packet before.
    """
    if before:
        split = (before + data[:_OVERLAP]).find(_END)
        if split >= 0:
            return split + len(_END) - len(before)
    position = data.find(_END, start)
    return len(data) if position < 0 else position + len(_END)
