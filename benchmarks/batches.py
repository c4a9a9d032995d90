"""Measures batches of 1,000 loans, single predictions and probes: each load alone, and both together.

The service runs on the first core, the load and the probes on the second one.
"""

import json
import os
import statistics
import sys
import time
from typing import Any

from benchmarks import results
from benchmarks.load import BODY, REQUEST, Address, in_process, load, percentile, post, probe
from benchmarks.process import running
from benchmarks.servers import OURS

SECONDS = float(os.environ.get("LOAD_SECONDS", "2"))
TURNS = int(os.environ.get("ROUNDS", "31"))
LOANS = 1_000
RATIO = "loans of batches for one prediction"
# Connections with single predictions and with batches. Four batches may wait, so some of eight are refused.
CONNECTIONS = {
    "single predictions alone": (16, 0),
    "batches alone": (0, 4),
    "both, and more batches than may wait": (16, 8),
}
BATCH = post("/api/models/credit_risk_batch_model/prediction", b'{"loans":[%s]}' % b",".join([BODY] * LOANS))


def measure(address: Address, singles: int, batches: int) -> dict[str, Any]:
    """Return the rates and the times of the probes over `SECONDS`."""
    end = time.time() + SECONDS
    loads = [in_process(load, address, end, *each) for each in ((singles, REQUEST), (batches, BATCH))]
    probing = in_process(probe, address, end)
    single, batch = (loading() for loading in loads)
    probes = probing()
    times = [seconds for found in probes.values() for seconds in found]
    return {
        "single predictions per second": round(single[200] / SECONDS),
        "single predictions refused": single[503],
        "loans of batches per second": round(batch[200] * LOANS / SECONDS),
        "batches refused per second": round(batch[503] / SECONDS),
        "lost": sum(counts.total() - counts[200] - counts[503] for counts in (single, batch)),
        "probes p99 in ms": round(percentile(times, 99) * 1e3, 1),
        "slowest probe in ms": round(max(times) * 1e3, 1),
    }


def main() -> None:
    """Measure, print and record; exit with 1 if a goal is missed."""
    with running(OURS, min(os.sched_getaffinity(0))) as found:
        turns = [{name: measure(found.address, *counts) for name, counts in CONNECTIONS.items()} for _ in range(TURNS)]
    medians = {
        name: {figure: statistics.median(turn[name][figure] for turn in turns) for figure in turns[0][name]}
        for name in CONNECTIONS
    }
    ratios = [
        turn["batches alone"]["loans of batches per second"]
        / turn["single predictions alone"]["single predictions per second"]
        for turn in turns
    ]
    result = {"seconds": SECONDS, "turns": TURNS, RATIO: statistics.median(ratios)} | medians
    results.write("batches", result)
    print(json.dumps(result, indent=1))
    alone, _, both = medians.values()
    goals = {
        "a batch scores ten loans in the time of one single prediction": result[RATIO] >= 10,
        "batches leave a tenth of the single predictions": (
            both["single predictions per second"] >= alone["single predictions per second"] / 10
        ),
        "no single prediction is refused": not both["single predictions refused"],
        "nothing is lost": not any(row["lost"] for row in medians.values()),
        "p99 of the probes at most 100 ms": both["probes p99 in ms"] <= 100,
    }
    if missed := [words for words, reached in goals.items() if not reached]:
        sys.exit(f"Missed goals: {'; '.join(missed)}.")


if __name__ == "__main__":
    main()
