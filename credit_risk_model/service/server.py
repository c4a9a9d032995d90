"""The server: uvicorn, which listens before the models load, and drains before it stops."""

import asyncio
import ctypes
import logging
import signal
import socket
import struct
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_network
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from credit_risk_model.service.connections import Connections
from credit_risk_model.service.protocol import LimitedProtocol
from credit_risk_model.service.settings import Settings
from credit_risk_model.service.state import State, Status

logger = logging.getLogger(__name__)
_BACKLOG = 2048  # connections that wait to be accepted
_TICK = 0.05  # seconds
_LINGER_TICKS = 8
_HANDSHAKE_SECONDS = 0.1
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; `*` as the host means every address, of IPv6 and IPv4."""
    if host == "*":
        with suppress(OSError):  # no IPv6 here; if the port is busy, IPv4 will raise
            return socket.create_server(("", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True)
        host = ""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def _as_ipv6_too(addresses: str) -> list[str]:
    """Return the addresses, and each IPv4 address also as a listener or a proxy of IPv6 shows it."""
    if addresses in ("", "*"):
        return [addresses]
    networks = [ip_network(address.strip()) for address in addresses.split(",")]
    mapped = [f"::ffff:{each.network_address}/{each.prefixlen + 96}" for each in networks if each.version == 4]
    return [*map(str, networks), *mapped]


class Server(uvicorn.Server):
    """Serves until a signal comes, drains, and finishes the requests in flight.

    After SIGTERM or SIGHUP, the server stays ready for a set time and then drains; a second SIGTERM ends both. SIGINT,
    the interrupt of a terminal, does not drain.
    """

    def __init__(self, app: ASGIApp, settings: Settings, status: Status, connections: Connections) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(LimitedProtocol, connections),  # type: ignore[arg-type]  # uvicorn only calls it
                lifespan="on",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                forwarded_allow_ips=_as_ipv6_too(settings.trusted_proxies),
                timeout_keep_alive=settings.keep_alive_seconds,
                timeout_graceful_shutdown=settings.finish_seconds,
            )
        )
        self._stay_ready_seconds = settings.stay_ready_seconds
        self._drain_seconds = settings.drain_seconds
        self._status = status
        self._connections = connections

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle the signals, except a SIGHUP that was ignored when the process started, as `nohup` does."""
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start to terminate, or stop."""
        name = signal.Signals(sig).name
        if name == "SIGHUP" and self._status.terminating:
            return  # a terminal that closes may send several
        drains = sig != signal.SIGINT and self._stay_ready_seconds + self._drain_seconds > 0
        if drains and not self._status.terminating and self._status.terminate():
            is_ready = self._status.state is State.TERMINATING  # not if it is stalled
            seconds = self._stay_ready_seconds if is_ready else 0
            if seconds:
                logger.info("%s: staying ready for %g s.", name, seconds)
            self._loop.call_soon_threadsafe(self._loop.call_later, seconds, self._drain, name)
        elif self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            logger.info("%s: stopping.", name)
            self._status.drain()
            self.should_exit = True

    def _drain(self, name: str) -> None:
        if self.should_exit:
            return  # a second signal ended the wait
        logger.info("%s: draining for %g s.", name, self._drain_seconds)
        self._status.drain()
        self._loop.call_later(self._drain_seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, answer the clients that have connected, then close."""
        listeners = sockets or []
        for listener in listeners:
            drop_new_connections(listener)
        await asyncio.sleep(_HANDSHAKE_SECONDS)  # those that have begun to connect are accepted
        for connection in self._close_listeners(listeners):
            await self._loop.connect_accepted_socket(self._protocol, connection)
        for _ in range(_LINGER_TICKS):  # a request may still be on its way
            if not self.server_state.connections:
                break
            await asyncio.sleep(_TICK)
        await super().shutdown(sockets)
        if self.force_exit:  # then uvicorn leaves out the end of the lifespan
            await self.lifespan.shutdown()

    def _close_listeners(self, listeners: Sequence[socket.socket]) -> list[socket.socket]:
        """Close the listeners; return the connections that wait to be accepted, which would be reset otherwise."""
        copies = [listener.dup() for listener in listeners]
        for server in self.servers:
            server.close()
        waiting = []
        for copy in copies:
            copy.setblocking(False)
            with suppress(OSError):  # none is left
                while True:
                    waiting.append(copy.accept()[0])
            copy.close()
        return waiting

    def _protocol(self) -> asyncio.Protocol:
        """Return what uvicorn makes for each connection."""
        state = self.lifespan.state
        return LimitedProtocol(self._connections, config=self.config, server_state=self.server_state, app_state=state)


def drop_new_connections(listener: socket.socket) -> None:
    """Drop each attempt to connect, on Linux: the close would reset a connection made after the last accept.

    The filter drops only SYN segments, because the sockets that the listener accepts inherit it.
    """
    if sys.platform == "linux":
        # Socket filters, see linux/filter.h: code, jump if true, jump if false, operand. 13: the flags of TCP. 2: SYN.
        load, jump_if, ret = (0x30, 0, 0, 13), (0x45, 0, 1, 2), 0x06
        steps = [load, jump_if, (ret, 0, 0, 0), (ret, 0, 0, 0xFFFF_FFFF)]
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
        with suppress(OSError):  # some kernels and sandboxes allow it only with privileges
            address = ctypes.addressof(program)
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(steps), address))
