"""The state of the service, and the truth table: what the probes and the predictions answer in each state."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The states of the service."""

    LOADING = "loading"
    READY = "ready"
    SATURATED = "saturated"
    STALLED = "stalled"
    TERMINATING = "terminating"
    DRAINING = "draining"
    LOAD_FAILED = "load failed"


@dataclass(frozen=True)
class Row:
    """One row of the truth table: the status codes in a state."""

    health: int
    ready: int
    startup: int
    prediction: int
    retry_after: bool
    note: str


TRUTH_TABLE = {
    State.LOADING: Row(200, 503, 503, 503, True, "Only the probes, `/metrics` and the page at `/` are served yet."),
    State.READY: Row(200, 200, 200, 200, False, ""),
    State.SATURATED: Row(
        200, 200, 200, 503, True, "A model has a full queue. It refuses the next prediction and finishes the others."
    ),
    State.STALLED: Row(
        503, 503, 200, 503, True,
        "A prediction has run for more than `stall_seconds`. Its model answers 503 if all its threads are stalled. The "
        "service is ready again if the prediction returns.",
    ),
    State.TERMINATING: Row(
        200, 200, 200, 200, False, "SIGTERM arrived. The service stays ready for `stay_ready_seconds`, if this is set."
    ),
    State.DRAINING: Row(
        200, 503, 200, 200, False,
        "The listener closes after `drain_seconds`; requests in flight then have `finish_seconds`.",
    ),
    State.LOAD_FAILED: Row(503, 503, 200, 503, False, "The log has the cause. The process exits with 1 when stopped."),
}  # fmt: skip


class Status:
    """The facts about the service from which its state is derived."""

    def __init__(self) -> None:
        self.loaded = False
        self.load_failed = False
        self.terminating = False
        self.draining = False
        self.is_stalled: Callable[[], bool] = lambda: False
        self.is_saturated: Callable[[], bool] = lambda: False

    @property
    def state(self) -> State:
        """The state now; if several apply, the first one in the order below."""
        if self.load_failed:
            return State.LOAD_FAILED
        if self.draining:
            return State.DRAINING
        if not self.loaded:
            return State.LOADING
        if self.is_stalled():
            return State.STALLED
        if self.terminating:
            return State.TERMINATING
        return State.SATURATED if self.is_saturated() else State.READY

    def terminate(self) -> bool:
        """Start to terminate; return False if the service never was ready, and so has nothing to drain."""
        self.terminating = self.loaded
        return self.terminating

    def drain(self) -> None:
        """Start to drain, if the service was ready."""
        self.terminating = self.draining = self.loaded
