"""The connections of the server: which one is closed when a limit is reached, and what is counted."""

import logging
import resource
import time
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge

if TYPE_CHECKING:  # which imports this module
    from credit_risk_model.service.connection import LimitedConnection

logger = logging.getLogger(__name__)
_RESERVED_FILES = 64  # listeners, logs, libraries, and the connections that are accepted in one pass of the event loop
_MOST_CONNECTIONS = 4_096
_LOG_SECONDS = 60.0


@dataclass(frozen=True)
class ConnectionLimits:
    """The limits of a connection and of all connections together."""

    receive_seconds: float  # for a whole request, from its first byte to its last
    buffer_bytes: int  # of all connections: requests that arrive or are queued, and unread answers
    send_seconds: float = 30.0  # in which a client reads nothing of its answer
    head_bytes: int = 65_536  # also of a trailer, and of what is between two pieces of a chunked body
    header_count: int = 128  # in a head or trailer
    max_connections: int | None = None  # None derives it from the limit of file descriptors


class Phase(Enum):
    """What a connection waits for."""

    IDLE = auto()  # a request
    HEAD = auto()  # the rest of a head
    BODY = auto()  # the rest of a body
    WORKING = auto()  # the application, which has to answer
    UNREAD = auto()  # the client, which has to read its answer


class Connections:
    """All connections of one server, and what is counted of them."""

    def __init__(self, limits: ConnectionLimits, registry: CollectorRegistry) -> None:
        self.limits = limits
        self.maximum = limits.max_connections or _default_maximum()
        self.buffered = 0  # bytes
        counter = partial(Counter, registry=registry)
        self.closed_for_room = counter("connections_closed_for_room", "Connections closed: too many were open.")
        self.not_reading = counter("connections_not_reading", "Connections closed: the client read no answer.")
        self.timed_out = counter("requests_timed_out", "Requests that did not arrive in time (408).")
        self.malformed = counter("requests_malformed", "Requests that are not HTTP (400), or CONNECT (501).")
        self.freed = counter("requests_freed", "Requests refused because too many bytes were buffered (503).")
        Gauge("connections_open", "Open connections.", registry=registry).set_function(lambda: len(self._open))
        self._open: dict[LimitedConnection, None] = {}  # the one whose last answer is the oldest comes first
        self._next_log = 0.0

    def add(self, connection: "LimitedConnection") -> None:
        """Count a new connection, and close another one if there are too many.

        That is the oldest one without a whole head; else the oldest one with a slow client; else the new one.
        """
        if len(self._open) >= self.maximum:
            oldest = self._oldest(Phase.IDLE, Phase.HEAD) or self._oldest(Phase.BODY, Phase.UNREAD) or connection
            self._log_full()
            self.closed_for_room.inc()
            self.remove(oldest)
            oldest.close_for_room()
            if oldest is connection:
                return
        self._open[connection] = None

    def remove(self, connection: "LimitedConnection") -> None:
        """Forget a connection that is closed or about to be."""
        self._open.pop(connection, None)

    def renew(self, connection: "LimitedConnection") -> None:
        """Make this one the newest."""
        if connection in self._open:
            del self._open[connection]
            self._open[connection] = None

    def free_buffers(self, newest: "LimitedConnection") -> None:
        """Refuse the requests that have been arriving for longest, and `newest` last, until `buffer_bytes` is kept."""
        others = [other for other in self._open if other is not newest and other.phase is not Phase.WORKING]
        for connection in [*others, newest]:
            if self.buffered <= self.limits.buffer_bytes:
                break
            if connection.buffered:
                self.freed.inc()
                connection.free_buffers()

    def _oldest(self, *phases: Phase) -> "LimitedConnection | None":
        return next((connection for connection in self._open if connection.phase in phases), None)

    def _log_full(self) -> None:
        now = time.monotonic()
        if now >= self._next_log:
            self._next_log = now + _LOG_SECONDS
            logger.warning(
                "%d connections are open, which is the limit: closing the oldest idle one for each new one. "
                "If they are your own, raise the limit of file descriptors (ulimit -n).",
                self.maximum,
            )


class Share:
    """The bytes of one kind that one connection adds to `Connections.buffered`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.size = 0

    def set(self, size: int) -> None:
        self._connections.buffered += size - self.size
        self.size = size


def _default_maximum() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_unlimited = files == resource.RLIM_INFINITY
    return _MOST_CONNECTIONS if is_unlimited else max(1, min(files - _RESERVED_FILES, _MOST_CONNECTIONS))
