"""uvicorn's HTTP/1.1 with limits, one request at a time for each connection, and errors in our format.

uvicorn has no setting for any of this, and no hook below its protocol class. So this module uses private ground of
uvicorn: attributes and methods of `HttpToolsProtocol`, `FlowControl` and `RequestResponseCycle`.
`tests/service/test_protocol.py` lists them and fails when they change, and pyproject.toml has an upper version bound.
"""

import asyncio
import logging
import uuid
from functools import partial
from http import HTTPStatus
from typing import Any

import httptools
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from credit_risk_model.service.connections import Connections, Phase, Share
from credit_risk_model.service.errors import error_body

logger = logging.getLogger(__name__)
_END = b"\r\n\r\n"  # of a head and of a chunked body; the parser accepts no other line ends
_PIECES = 16  # parsed in one pass of the event loop
_SMALL = 4_096  # bytes; a shorter body does not count as buffered, which saves time for nearly all requests
_LINGER = 1.0  # seconds in which a client that still sends can read why it was refused


def protocol_class(connections: Connections) -> type[asyncio.Protocol]:
    """Return the class for `uvicorn.Config(http=...)`; its connections are limited and counted by `connections`."""

    class BoundProtocol(LimitedProtocol):
        shared = connections

    return BoundProtocol


class Reading(FlowControl):
    """Reading that the application cannot resume while bytes are queued."""

    held = False

    def resume_reading(self) -> None:
        """Resume, unless it is held."""
        if self.read_paused and not self.held:
            super().resume_reading()


class LimitedProtocol(HttpToolsProtocol):
    """One connection.

    A request is parsed after the one before it was answered; what has arrived of it is queued, with reading paused.
    So pipelining is bounded, and an error is answered in its turn. For this, the parser gets pieces that end where
    a head or a body ends.
    """

    shared: Connections
    flow: Reading

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._application = self.app
        self._limits = self.shared.limits
        self._queue = b""  # not parsed
        self._last_bytes = b""  # of the packet before: the end of a head may be split between two packets
        self._in_request = False  # a part of it has arrived, but not all
        self._in_body = False
        self._working = False  # a whole request has arrived, and its answer is not complete
        self._body_left = 0  # bytes, of a body with a length
        self._framing = 0  # bytes since the head began, or since the last byte of a chunked body
        self._problem: tuple[int, str, str] | None = None  # found by a callback of the parser
        self._finished = False  # refused or closed
        self._counted = False  # whether the body counts as buffered
        self._arriving = Share(self.shared)  # what the application does not have yet, or not all of
        self._queued = Share(self.shared)
        self._unread = Share(self.shared)  # the answer
        self._receive_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None

    # Called by asyncio

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Give the client time for its first request."""
        super().connection_made(transport)
        self.flow = Reading(transport)
        self._start_receive_timer()
        self.shared.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what was in progress."""
        self._finish()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse one request, and queue what follows it."""
        if self._finished:
            return
        self._unset_keepalive_if_required()
        data = self._queue + data
        start, size = 0, len(data)
        for _ in range(_PIECES):
            if start == size or self._working:
                break
            end = self._end_of_piece(data, start)
            self._feed(data[start:end])
            start = end
            if self._finished:
                return
        if start < size or self._queue or self._counted or not self._working:
            self._wait(data, start)

    def _wait(self, data: bytes, start: int) -> None:
        """Wait for the client or the application, and keep what has arrived within the limits."""
        self._set_queue(data[start:])
        if not self._working:
            if self._framing and not self._in_body:
                self._in_request = self._in_request or not data[-self._framing :].isspace()
                self._arriving.set(self._framing)
            self._last_bytes = b"" if self._queue else (self._last_bytes + data[-3:])[-3:]
            if self._receive_timer is None:
                self._start_receive_timer()
            if self._queue:
                self.loop.call_soon(self._continue)
        if self.shared.buffered > self._limits.buffer_bytes:
            self.shared.free_buffers(self)

    def pause_writing(self) -> None:
        """Give the client time to read its answer."""
        super().pause_writing()
        self._send_timer = self.loop.call_later(self._limits.send_seconds, self._send_timed_out)
        self._unread.set(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Continue: the client has read."""
        super().resume_writing()
        if self._send_timer:
            self._send_timer.cancel()
            self._send_timer = None
            self._unread.set(0)

    # Parsing

    def _end_of_piece(self, data: bytes, start: int) -> int:
        if self._body_left:
            return min(len(data), start + self._body_left)
        if self._last_bytes and start == 0:
            split = (self._last_bytes + data[:3]).find(_END)
            if split >= 0:
                return split + len(_END) - len(self._last_bytes)
        end = data.find(_END, start)
        return len(data) if end < 0 else end + len(_END)

    def _feed(self, piece: bytes) -> None:
        in_framing = not self._body_left
        if in_framing:
            self._framing += len(piece)
        if self._in_body or self._framing <= self._limits.head_bytes:
            try:
                try:
                    self.parser.feed_data(piece)
                except httptools.HttpParserUpgrade:
                    self._ignore_upgrade()
            except httptools.HttpParserError as error:
                self._problem = self._problem or (400, "MalformedRequest", f"Invalid HTTP request: {error}.")
        if in_framing and (
            self._framing > self._limits.head_bytes or len(self.headers or ()) > self._limits.header_count
        ):
            self._problem = self._too_long()
        if self._problem:
            self.shared.malformed += 1
            self._refuse(*self._problem)
        elif self._counted and not self.cycle.response_complete:
            self._arriving.set(self._arriving.size + len(piece))

    def _too_long(self) -> tuple[int, str, str]:
        limits = self._limits
        problem = f"The head is longer than {limits.head_bytes} bytes or {limits.header_count} headers."
        return 400, "MalformedRequest", problem

    def _ignore_upgrade(self) -> None:
        """Parse the head again without Upgrade: the parser takes what follows for another protocol, not for a body."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._problem = (501, "NotImplemented", "CONNECT is not supported: this server is not a proxy.")
            return
        lines = [b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def _continue(self) -> None:
        if not self.transport.is_closing():
            self.data_received(b"")

    def _set_queue(self, data: bytes) -> None:
        """Queue this, and pause reading while there is something queued."""
        self._queue = data
        self._queued.set(len(data))
        if data:
            self.flow.held = True
            self.flow.pause_reading()
        elif self.flow.held:
            self.flow.held = False
            self.flow.resume_reading()

    # Called by the parser

    def on_headers_complete(self) -> None:
        """Start the application, unless the head is wrong."""
        if self.parser.should_upgrade():
            return  # and feed_data() raises HttpParserUpgrade
        fields = dict(self.headers)
        if b"host" not in fields and self.parser.get_http_version() != "1.0":
            self._problem = (400, "MalformedRequest", "The Host header is missing.")
        elif len(fields) < len(self.headers) and [name for name, _ in self.headers].count(b"host") > 1:
            self._problem = (400, "MalformedRequest", "There is more than one Host header.")
        elif len(self.headers) > self._limits.header_count:
            self._problem = self._too_long()
        else:
            self._body_left = int(fields.get(b"content-length", 0))
            self._counted = self._body_left > _SMALL or b"transfer-encoding" in fields
            self.app = self._run if self._counted else self._application
            super().on_headers_complete()
            self.scope["state"]["client_left"] = partial(getattr, self.cycle, "disconnected")
            self._in_request = self._in_body = True
            self._framing = 0
            if self._arriving.size:
                self._arriving.set(0)
            self.headers = []  # of the trailer, which must not change the headers that the application has

    def on_body(self, body: bytes) -> None:
        """Count the bytes."""
        self._framing = 0
        if self._body_left:
            self._body_left -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        if not self._problem and not self.parser.should_upgrade():
            super().on_message_complete()
            self._in_request = self._in_body = False
            self._framing = 0
            if self._receive_timer:
                self._receive_timer.cancel()
                self._receive_timer = None
            self._working = not self.cycle.response_complete

    # Called by uvicorn

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; the body counts as buffered until the application has all of it."""

        async def take() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message["more_body"]:
                self._arriving.set(0)
            return message

        await self._application(scope, take, send)

    def on_response_complete(self) -> None:
        """Continue with the next request."""
        super().on_response_complete()
        self._working = False
        if self._counted:
            self._arriving.set(0)
        self.shared.renew(self)
        if self._queue:
            self.loop.call_soon(self._continue)

    # Called by `Connections`

    @property
    def phase(self) -> Phase:
        """Whom this connection waits for."""
        if self._send_timer or self._in_body:
            return Phase.SLOW
        return Phase.WORKING if self._working else Phase.IDLE

    @property
    def buffered(self) -> int:
        """The bytes that this connection adds to those of all."""
        return self._arriving.size + self._queued.size + self._unread.size

    def close_for_room(self) -> None:
        """Close at once."""
        self.transport.abort()

    def free_buffers(self) -> None:
        """Close or refuse; a request that the application works on is answered before."""
        if self._unread.size:
            self.transport.abort()
        elif self._working and not self._arriving.size:
            self.cycle.keep_alive = False
            self._queue = b""  # reading stays paused
            self._queued.set(0)
        else:
            self._refuse(503, "Overloaded", "Too many requests are arriving too slowly; retry.")

    # The end

    def _start_receive_timer(self) -> None:
        self._receive_timer = self.loop.call_later(self._limits.receive_seconds, self._receive_timed_out)

    def _receive_timed_out(self) -> None:
        self._receive_timer = None
        if self.flow.read_paused:  # the client waits for us
            self._start_receive_timer()
        elif self._in_request and not self.transport.is_closing():
            self.shared.timed_out += 1
            problem = f"The request was not complete after {self._limits.receive_seconds:g} seconds."
            self._refuse(408, "RequestTimeout", problem)
        else:
            self.transport.close()

    def _send_timed_out(self) -> None:
        self.shared.not_reading += 1
        self.transport.abort()

    def _finish(self) -> None:
        self._finished = True
        self.shared.remove(self)
        self._arriving.set(0)
        self._set_queue(b"")
        if self._receive_timer:
            self._receive_timer.cancel()

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Answer an error and close; an application that awaits the body sees that the client has left."""
        self._finish()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        self.transport.write(_error(status, kind, message))
        if self.transport.can_write_eof():  # closing with unread bytes would reset the connection and lose the answer
            self.transport.write_eof()
            self.flow.resume_reading()
            self._receive_timer = self.loop.call_later(_LINGER, self.transport.abort)
        else:
            self.transport.close()


def _error(status: int, kind: str, message: str) -> bytes:
    request_id = uuid.uuid4().hex
    logger.info("Refused a request with %d, id %s: %s", status, request_id, message)
    body = error_body(kind, [message])
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
        f"x-request-id: {request_id}",
        *(["retry-after: 1"] if status == 503 else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
