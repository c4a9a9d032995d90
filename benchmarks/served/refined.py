"""The service with one refinement removed or one added: `python -m benchmarks.served.refined NAME --port 0`."""

import asyncio
import gc
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from credit_risk_model.service import __main__ as command
from credit_risk_model.service import predictions, routes, server
from credit_risk_model.service.workers import Job, Workers


class _Executor(Workers):
    """Runs the jobs in an executor of the standard library."""

    def __init__(self, count: int, name: str, work: Callable[[Job], bytes]) -> None:
        super().__init__(count, name, work)
        self._executor = ThreadPoolExecutor(count, name)

    async def run(self, job: Job) -> bytes:
        self.jobs[job] = None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._work, job)
        finally:
            del self.jobs[job]


class _SixteenListeners(server.Server):
    def run(self, sockets: list[socket.socket] | None = None) -> None:
        [listener] = sockets or []
        super().run([listener, *(listener.dup() for _ in range(15))])


class _Closing(server.Server):
    def _close_listeners(self, listeners: Sequence[socket.socket]) -> list[socket.socket]:
        return []


_opened = routes.Routes.open


def _opening(self: routes.Routes, *what: Any) -> None:
    gc.collect()
    gc.freeze()
    _opened(self, *what)


def _set(owner: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(owner, name, value)


CHANGES: dict[str, Callable[[], None]] = {
    "as it is": lambda: None,
    "with an executor instead of its threads": _set(predictions, "Workers", _Executor),
    "without the limit of 4 starts per iteration": _set(routes, "_STARTS", 1_000_000),
    "without the limit of 4 answers per iteration": _set(predictions, "_ANSWERS", 1_000_000),
    "with gc.freeze": _set(routes.Routes, "open", _opening),
    "with a switch interval of 1 ms": lambda: sys.setswitchinterval(0.001),
    "with 16 listeners instead of one": _set(command, "Server", _SixteenListeners),
    "without accepting connections at the close": _set(command, "Server", _Closing),
}

if __name__ == "__main__":
    CHANGES[sys.argv.pop(1)]()
    command.main()
