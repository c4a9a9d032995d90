"""The limits of one connection: how long it may wait, what it may buffer, and how it is refused.

uvicorn has no setting for any of this, and no hook below its protocol class. So this module and protocol.py use
internals of uvicorn: attributes and methods of `HttpToolsProtocol`, `FlowControl` and `RequestResponseCycle`.
`tests/service/test_protocol.py` lists them and fails when they change, and pyproject.toml has an upper version bound.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from credit_risk_model.service.connections import Connections, Phase, Share
from credit_risk_model.service.errors import Refusal, overloaded, raw_answer

_LINGER = 1.0  # seconds in which a client that still sends can read why it was refused


class Reading(FlowControl):
    """Flow control that keeps reading paused while bytes are queued, whatever the application asks for."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class LimitedConnection(HttpToolsProtocol):
    """One connection, in one phase at a time; `LimitedProtocol` parses what arrives and moves the phase."""

    flow: Reading

    def __init__(self, connections: Connections, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.shared = connections
        self._limits = connections.limits
        self._phase = Phase.IDLE
        self._finished = False  # refused or closed
        self._closes = False  # after the request that is arriving
        self._discards = False  # what follows the request that the application has
        self._queue = b""  # bytes that are not parsed yet
        self._arriving = Share(self.shared)  # bytes of the request that is arriving
        self._queued = Share(self.shared)
        self._unread = Share(self.shared)  # the answer
        self._receive_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None

    # Called by asyncio

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.flow = Reading(transport)
        self._start_idle_timer()
        self.shared.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish()
        self._unset_keepalive_if_required()  # which uvicorn forgets if the client has reset the connection
        self.shared.remove(self)
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_timer = self.loop.call_later(self._limits.send_seconds, self._send_timed_out)
        self._unread.set(self.transport.get_write_buffer_size())
        self.loop.call_soon(self._limit_buffers)  # not in the middle of a write

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._send_timer:
            self._send_timer.cancel()
            self._send_timer = None
            self._unread.set(0)

    # Called by uvicorn

    def shutdown(self) -> None:
        """Close now, or after the request that is arriving. A close with unread bytes would reset the connection."""
        if self._phase is Phase.HEAD or (self._phase is Phase.BODY and self.cycle.response_complete):
            self._closes = True
        else:
            super().shutdown()

    # Called by `Connections`

    @property
    def phase(self) -> Phase:
        if self._finished:
            return Phase.IDLE
        return Phase.UNREAD if self._send_timer else self._phase

    @property
    def buffered(self) -> int:
        return self._arriving.size + self._queued.size + self._unread.size

    def close_for_room(self) -> None:
        self.transport.abort()

    def free_buffers(self) -> None:
        """Close or refuse, unless the application already has the request; then it is answered."""
        if self._unread.size:
            self.transport.abort()
        elif self._phase is Phase.WORKING and not self._arriving.size:
            self.cycle.keep_alive = False
            self._discards = True  # unread bytes would reset the connection after the answer
            self._set_queue(b"")
        else:
            self._refuse(overloaded("Too many requests are arriving too slowly; retry."))

    # Called by `LimitedProtocol`

    def _set_queue(self, data: bytes) -> None:
        """Replace the queued bytes; reading is paused while there are any."""
        self._queue = data
        self._queued.set(len(data))
        if data:
            self.flow.held = True
            self.flow.pause_reading()
        elif self.flow.held:
            self.flow.held = False
            self.flow.resume_reading()

    def _limit_buffers(self) -> None:
        if self.shared.buffered > self._limits.buffer_bytes:
            self.shared.free_buffers(self)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer an error and close; an application that awaits the body sees that the client has left."""
        self._finish()
        if self._phase in (Phase.BODY, Phase.WORKING):
            self.cycle.scope["state"]["refused"] = refusal.status
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            # The application may only start after this, and gives the request its id.
            self.loop.call_soon(self._answer_and_close, refusal, self.cycle)
        else:
            self._answer_and_close(refusal)

    def _answer_and_close(self, refusal: Refusal, cycle: RequestResponseCycle | None = None) -> None:
        if self.transport.is_closing():
            return
        if cycle is None:
            self.transport.write(raw_answer(refusal))
        elif not cycle.response_started:
            self.transport.write(raw_answer(refusal, cycle.scope["state"].get("request_id")))
        if self.transport.can_write_eof():  # closing with unread bytes would reset the connection and lose the answer
            self.transport.write_eof()
            self.flow.resume_reading()
            self._receive_timer = self.loop.call_later(_LINGER, self.transport.abort)
        else:
            self.transport.close()

    def _finish(self) -> None:
        self._finished = True
        self._arriving.set(0)
        self._set_queue(b"")
        self._stop_receive_timer()

    # Timers

    def _start_idle_timer(self) -> None:
        """Start the time until the next request begins; uvicorn does it after each answer."""
        seconds = self._limits.receive_seconds if self.cycle is None else self.timeout_keep_alive
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _start_receive_timer(self) -> None:
        if self._receive_timer is None:
            self._receive_timer = self.loop.call_later(self._limits.receive_seconds, self._receive_timed_out)

    def _stop_receive_timer(self) -> None:
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _receive_timed_out(self) -> None:
        self._receive_timer = None
        if self.flow.read_paused:  # the client waits for the service
            self._start_receive_timer()
        elif not self.transport.is_closing():
            if self._phase is not Phase.BODY or not self.cycle.response_started:  # otherwise, it was answered early
                self.shared.timed_out.inc()
            message = f"The request was not complete after {self._limits.receive_seconds:g} seconds."
            self._refuse(Refusal(408, "RequestTimeout", [message]))

    def _send_timed_out(self) -> None:
        self.shared.not_reading.inc()
        self.transport.abort()
