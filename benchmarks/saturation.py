"""Measures the probes while 256 connections request predictions, on a whole core and on a fifth of one.

The service runs on the first core, the load and the probes on the second one. A fifth of a core is a quota of 20 ms in
every 100 ms, as a Kubernetes limit of 200m sets it.
"""

import json
import os
import sys
from typing import Any

from benchmarks import results
from benchmarks.control_group import control_group
from benchmarks.load import loaded, percentile, rates
from benchmarks.process import running
from benchmarks.servers import OURS

CONNECTIONS = 256
CORES = {"a whole core": None, "a fifth of a core": 0.2}
GOALS = {"a whole core": 100, "a fifth of a core": 1_000}  # ms for the p99 of each probe
PERCENTILES = {"p50": 50, "p99": 99, "max": 100}
SECONDS = float(os.environ.get("LOAD_SECONDS", "30"))


def measure(cores: float | None) -> dict[str, Any]:
    """Return the rates of the predictions and the times of the probes over `SECONDS`."""
    with control_group(cores) as groups, running(OURS, min(os.sched_getaffinity(0)), groups) as found:
        statuses, times = loaded(found.address, SECONDS, CONNECTIONS)
    return {
        **rates(statuses, SECONDS),
        "probes in ms": {
            path: {
                "count": len(each),
                **{name: round(percentile(each, percent) * 1e3, 1) for name, percent in PERCENTILES.items()},
            }
            for path, each in times.items()
        },
    }


def main() -> None:
    """Measure, print and record; exit with 1 if a prediction was lost, or a probe was slower than its goal."""
    measured = {name: measure(cores) for name, cores in CORES.items()}
    result = {"connections": CONNECTIONS, "seconds": SECONDS} | measured
    results.write("saturation", result)
    print(json.dumps(result, indent=1))
    for name, goal in GOALS.items():
        slowest = max(probe["p99"] for probe in measured[name]["probes in ms"].values())
        if slowest > goal or measured[name]["lost"]:
            sys.exit(f"A goal is missed with {name}: p99 of the probes at most {goal} ms, nothing lost.")


if __name__ == "__main__":
    main()
