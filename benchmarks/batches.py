"""Measures batches of 1,000 loans, single predictions and probes: each load alone, and both together.

The service runs on the first core, the load and the probes on the second one.
"""

import asyncio
import json
import os
import statistics
import time
from collections import Counter
from typing import Any

from benchmarks import results
from benchmarks.confined import serving, until_ready
from benchmarks.load import BODY, REQUEST, Address, ask, in_process, probe

SECONDS = float(os.environ.get("LOAD_SECONDS", "2"))
TURNS = 31
LOANS = 1_000
RATIO = "loans of batches for one prediction"
# Connections with single predictions and with batches. Four batches may wait, so some of eight are refused.
CONNECTIONS = {
    "single predictions alone": (16, 0),
    "batches alone": (0, 4),
    "both, and more batches than may wait": (16, 8),
}
_BATCH = b'{"loans":[' + b",".join([BODY] * LOANS) + b"]}"
_HEAD = b"POST /api/models/credit_risk_batch_model/prediction HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BATCH = b"%sContent-Length: %d\r\n\r\n%s" % (_HEAD, len(_BATCH), _BATCH)


async def _ask_again(address: Address, end: float, request: bytes, answers: Counter[int]) -> None:
    stream = await asyncio.open_connection(*address, limit=2**22)
    while time.time() < end:
        answers[await ask(stream, request)] += 1
    stream[1].close()


async def load(address: Address, end: float, singles: int, batches: int) -> list[Counter[int]]:
    """Send single predictions on `singles` connections and batches on `batches`; return the statuses of each kind."""
    answers: list[Counter[int]] = [Counter(), Counter()]
    await asyncio.gather(
        *(_ask_again(address, end, REQUEST, answers[0]) for _ in range(singles)),
        *(_ask_again(address, end, BATCH, answers[1]) for _ in range(batches)),
    )
    return answers


def measure(address: Address, singles: int, batches: int) -> dict[str, Any]:
    """Return the rates and the times of the probes over `SECONDS`."""
    end = time.time() + SECONDS
    loading = in_process(load, address, end, singles, batches)
    probing = in_process(probe, address, end)
    (single, batch), probes = loading(), probing()
    times = [seconds for found in probes.values() for seconds in found]
    return {
        "single predictions per second": round(single[200] / SECONDS),
        "single predictions refused": single[503],
        "loans of batches per second": round(batch[200] * LOANS / SECONDS),
        "batches refused per second": round(batch[503] / SECONDS),
        "lost": sum(counts.total() - counts[200] - counts[503] for counts in (single, batch)),
        "probes p99 in ms": round(statistics.quantiles(times, n=100)[98] * 1e3, 1),
        "slowest probe in ms": round(max(times) * 1e3, 1),
    }


def main() -> None:
    """Measure, print and record."""
    with serving(core=min(os.sched_getaffinity(0))) as (_, address):
        until_ready(address)
        turns = [{name: measure(address, *counts) for name, counts in CONNECTIONS.items()} for _ in range(TURNS)]
    medians = {
        name: {figure: statistics.median(turn[name][figure] for turn in turns) for figure in turns[0][name]}
        for name in CONNECTIONS
    }
    ratios = [
        turn["batches alone"]["loans of batches per second"]
        / turn["single predictions alone"]["single predictions per second"]
        for turn in turns
    ]
    result = {"seconds": SECONDS, "turns": TURNS, RATIO: statistics.median(ratios)}
    results.write("batches", result | medians)
    print(json.dumps(result | medians, indent=1))


if __name__ == "__main__":
    main()
