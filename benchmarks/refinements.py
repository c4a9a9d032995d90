"""Measures the service with and without each of its refinements, in alternating turns.

The service runs on the first core, the load and the probes on the second one.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import Any

from benchmarks import results
from benchmarks.load import REQUEST, Address, ask, in_process, load, probe
from benchmarks.process import running
from benchmarks.served.refined import CHANGES
from benchmarks.servers import OURS

SECONDS = 5.0


async def connect_until_refused(address: Address, end: float) -> int:
    """Send requests with 64 clients, each on a new connection; return how many requests got no answer.

    A refused connection does not count as lost: its client knows that the request was not received.
    """
    lost = 0

    async def client() -> None:
        nonlocal lost
        while time.time() < end:
            try:
                stream = await asyncio.open_connection(*address)
            except OSError:  # refused, or reset before the connection was established
                return
            lost += not await ask(stream, REQUEST)
            with suppress(OSError):
                stream[1].close()
                await stream[1].wait_closed()

    await asyncio.gather(*(client() for _ in range(64)))
    return lost


def measure(change: str) -> dict[str, float]:
    """Start the service with this change, measure it and return the figures."""
    command = f"python -m benchmarks.served.refined '{change}' --port {{port}}"
    with running(replace(OURS, name=change, command=command), min(os.sched_getaffinity(0))) as found:
        address = found.address
        start, before = time.time(), found.cpu_seconds()
        answered: Counter[int] = in_process(load, address, start + SECONDS, 16)()
        microseconds = (found.cpu_seconds() - before) / answered[200] * 1e6
        end = time.time() + SECONDS
        loading = in_process(load, address, end, 256)
        times = in_process(probe, address, end)()
        loading()
        closing = in_process(connect_until_refused, address, time.time() + 20)
        time.sleep(1)
        found.process.send_signal(signal.SIGINT)  # closes without a drain
        lost = closing()
    return {
        "predictions per second": answered[200] / SECONDS,
        "CPU µs per request": microseconds,
        "probe p99 in ms": max(statistics.quantiles(each, n=100)[98] for each in times.values()) * 1e3,
        "lost at the close": lost,
    }


def main(rounds: int) -> None:
    """Measure in turns, record and print."""
    found: dict[str, dict[str, list[float]]] = {change: defaultdict(list) for change in CHANGES}
    for _ in range(rounds):
        for change in CHANGES:
            for name, value in measure(change).items():
                found[change][name].append(round(value, 1))
    result: dict[str, Any] = {"rounds": rounds, "seconds": SECONDS, "changes": found}
    results.write("refinements", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.refinements", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args().rounds)
