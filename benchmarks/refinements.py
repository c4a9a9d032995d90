"""Measures the service with and without each of its refinements, in alternating turns.

The service runs on the first core, the load and the probes on the second one.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from socket import socket
from typing import Any

from benchmarks import results
from benchmarks.load import REQUEST, Address, ask_once, in_process, load, loaded
from benchmarks.process import running
from benchmarks.servers import OURS
from credit_risk_model.service import __main__ as service
from credit_risk_model.service import predictions, routes, server
from credit_risk_model.service.workers import Job, Workers

SECONDS = 5.0


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


class _Closing(server.Server):
    def _close_listeners(self, listeners: Sequence[socket]) -> list[socket]:
        return []


# For each version of the service: the module, its attribute, and another value for it.
CHANGES: dict[str, tuple[Any, str, Any] | None] = {
    "as it is": None,
    "with an executor instead of its threads": (predictions, "Workers", _Executor),
    "without the limit of 4 starts per iteration": (routes, "_STARTS", 1_000_000),
    "without the limit of 4 answers per iteration": (predictions, "_ANSWERS", 1_000_000),
    "without accepting connections at the close": (service, "Server", _Closing),
}


async def connect_until_refused(address: Address, end: float) -> int:
    """Send requests with 64 clients, each on a new connection; return how many requests got no answer.

    A refused connection does not count as lost: its client knows that the request was not received.
    """
    lost = 0

    async def client() -> None:
        nonlocal lost
        while time.time() < end and (answer := await ask_once(address, REQUEST)) != "refused":
            lost += answer == "lost"

    await asyncio.gather(*(client() for _ in range(64)))
    return lost


def measure(change: str) -> dict[str, float]:
    """Start the service with this change, measure it and return the figures."""
    command = f"python -m benchmarks.refinements --serve '{change}' --port {{port}}"
    with running(replace(OURS, name=change, command=command), min(os.sched_getaffinity(0))) as found:
        address, before = found.address, found.cpu_seconds()
        answered = in_process(load, address, time.time() + SECONDS, 16)()[200]
        microseconds = (found.cpu_seconds() - before) / answered * 1e6
        _, times = loaded(address, SECONDS, 256)
        closing = in_process(connect_until_refused, address, time.time() + 20)
        time.sleep(1)
        found.process.send_signal(signal.SIGINT)  # closes without a drain
        lost = closing()
    return {
        "predictions per second": answered / SECONDS,
        "CPU µs per request": microseconds,
        "probe p99 in ms": max(statistics.quantiles(each, n=100)[98] for each in times.values()) * 1e3,
        "lost at the close": lost,
    }


def main() -> None:
    """Measure in turns, record and print; or serve with a change."""
    parser = argparse.ArgumentParser("python -m benchmarks.refinements", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", choices=CHANGES, help="serve with this change, and the arguments of the service")
    arguments, sys.argv[1:] = parser.parse_known_args()
    if arguments.serve:
        if replacement := CHANGES[arguments.serve]:
            setattr(*replacement)
        service.main()
        return
    found: dict[str, dict[str, list[float]]] = {change: defaultdict(list) for change in CHANGES}
    for _ in range(arguments.rounds):
        for change in CHANGES:
            for name, value in measure(change).items():
                found[change][name].append(round(value, 1))
    result: dict[str, Any] = {"rounds": arguments.rounds, "seconds": SECONDS, "changes": found}
    results.write("refinements", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
