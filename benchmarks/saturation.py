"""Measures the probes while 256 connections request predictions, on a whole core and on a fifth of one.

The service runs on the first core, the load and the probes on the second one. A fifth of a core is a control group with
a quota of 20 ms in every 100 ms, as a Kubernetes limit of 200m sets it. This needs root.
"""

import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.control_group import control_group
from benchmarks.load import loaded, rates
from benchmarks.process import running
from benchmarks.servers import OURS

CONNECTIONS = 256
GOALS = {"a whole core": 100, "a fifth of a core": 1_000}  # ms for the p99 of each probe
SECONDS = float(os.environ.get("LOAD_SECONDS", "30"))


def measure(groups: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the rates of the predictions and the times of the probes over `SECONDS`."""
    with running(OURS, min(os.sched_getaffinity(0)), groups) as found:
        statuses, times = loaded(found.address, SECONDS, CONNECTIONS)
    return {
        **rates(statuses, SECONDS),
        "probes in ms": {
            path: {
                "count": len(each),
                "p50": round(statistics.median(each) * 1e3, 1),
                "p99": round(statistics.quantiles(each, n=100)[98] * 1e3, 1),
                "max": round(max(each) * 1e3, 1),
            }
            for path, each in times.items()
        },
    }


def main() -> None:
    """Measure, print and record; exit with 1 if a prediction was lost, or a probe was slower than its goal."""
    result: dict[str, Any] = {
        "connections": CONNECTIONS,
        "seconds": SECONDS,
        "a whole core": measure(),
    }
    try:
        with control_group(0.2) as groups:
            result["a fifth of a core"] = measure(groups)
    except OSError as error:
        print(f"A fifth of a core was not measured, because a control group needs root: {error}.", file=sys.stderr)
    results.write("saturation", result)
    print(json.dumps(result, indent=1))
    for name, goal in GOALS.items():
        slowest = max(probe["p99"] for probe in result[name]["probes in ms"].values()) if name in result else 0
        if slowest > goal or (name in result and result[name]["lost"]):
            sys.exit(f"A goal is missed with {name}: p99 of the probes at most {goal} ms, nothing lost.")


if __name__ == "__main__":
    main()
