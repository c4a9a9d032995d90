"""The server: how it starts listening, and how it stops without losing a request."""

import asyncio
import ctypes
import signal
import socket
import struct
import sys
import time
import uuid
from contextlib import suppress
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from credit_risk_model.service.answers import Refusal
from credit_risk_model.service.application import Application

_LINGER = 0.5  # seconds for what was sent before the end and has not been read yet
_HEAD_LIMIT = 65_536  # bytes
_ACCEPTS = 16  # connections that may be accepted in one pass of the event loop
_SO_ATTACH_FILTER = 26
# A socket filter of four instructions: load byte 13 of the TCP header, the flags; is SYN (2) set? drop; else pass.
_DROP_SYN = struct.pack("HBBI" * 4, 0x30, 0, 0, 13, 0x45, 0, 1, 2, 0x06, 0, 0, 0, 0x06, 0, 0, 0xFFFFFFFF)


class Protocol(HttpToolsProtocol):
    """HTTP, with our shape for the answer to what is none, and a limit for the head of a request."""

    _unparsed = 0

    def data_received(self, data: bytes) -> None:
        """Read on, but no head or trailer of any length: the parser's time for it grows with its square."""
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > _HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response(f"The head is longer than {_HEAD_LIMIT} bytes.")

    def on_headers_complete(self) -> None:
        """Start the request."""
        self._unparsed = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece."""
        self._unparsed = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Answer and close."""
        request_id = uuid.uuid4().hex
        uvicorn.server.logger.info("The answer to this is 400, with the id %s.", request_id)
        body = Refusal(400, "MalformedRequest", [msg]).body
        head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
        head += f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()


class Server(uvicorn.Server):
    """Drains on SIGTERM; a second one, or SIGINT, ends the draining."""

    def __init__(self, application: Application, drain_seconds: float, finish_seconds: int) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=Protocol,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=finish_seconds,
            )
        )
        self._lifecycle = application.lifecycle
        self._drain_seconds = drain_seconds
        self._end_of_drain = float("inf")
        self._listener = socket.socket()

    def listen(self, host: str, port: int) -> None:
        """Serve until a signal comes, and end what is in flight.

        Raises:
            OSError: nobody can listen there.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=self.config.backlog)
        shown = f"[{host}]" if ":" in host else host
        uvicorn.server.logger.info("Uvicorn running on http://%s:%d", shown, self._listener.getsockname()[1])
        # libuv accepts one connection in each pass of its loop, and a busy pass is long: a probe must not queue for it.
        self.run(sockets=[self._listener, *(self._listener.dup() for _ in range(_ACCEPTS - 1))])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start to drain, or stop."""
        first = self._end_of_drain == float("inf")
        if sig == signal.SIGTERM and first and self._drain_seconds and self._lifecycle.drain():
            self._end_of_drain = time.monotonic() + self._drain_seconds
        elif self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self._lifecycle.drain()
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Return whether it is time to stop."""
        return await super().on_tick(counter) or time.monotonic() >= self._end_of_drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in any more, answer who is in, then close."""
        _ignore_newcomers(self._listener)
        end = time.monotonic() + _LINGER
        await asyncio.sleep(_LINGER / 10)  # in which the event loop accepts who was connected already
        while self.server_state.connections and time.monotonic() < end:
            await asyncio.sleep(_LINGER / 10)
        await super().shutdown(sockets)


def _ignore_newcomers(listener: socket.socket) -> None:
    """Let Linux drop new connections; merely closing would also reset those that wait to be accepted."""
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(_DROP_SYN)
        with suppress(OSError):  # a sandbox may forbid it
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 4, ctypes.addressof(program)))
