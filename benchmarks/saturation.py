"""Measures the probes while 256 connections request predictions, on a whole core and on a fifth of one.

The service runs on the first core, the load and the probes on the second one. A fifth of a core is a control group with
a quota of 20 ms in every 100 ms, as a Kubernetes limit of 200m sets it. This needs root.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.confined import serving, until_ready
from benchmarks.control_group import control_group
from benchmarks.load import in_process, load, probe

CONNECTIONS = 256
SECONDS = float(os.environ.get("LOAD_SECONDS", "30"))


def measure(groups: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the rates of the predictions and the times of the probes over `SECONDS`."""
    with serving(groups, core=min(os.sched_getaffinity(0))) as (_, address):
        until_ready(address)
        end = time.time() + SECONDS
        loading = in_process(load, address, end, CONNECTIONS)
        probing = in_process(probe, address, end)
        statuses, times = loading(), probing()
    return {
        "predictions per second": round(statuses[200] / SECONDS),
        "refused per second": round(statuses[503] / SECONDS),
        "lost": sum(count for status, count in statuses.items() if status not in (200, 503)),
        "probes in ms": {
            path: {
                "count": len(found),
                "p50": round(statistics.median(found) * 1e3, 1),
                "p99": round(statistics.quantiles(found, n=100)[98] * 1e3, 1),
                "max": round(max(found) * 1e3, 1),
            }
            for path, found in times.items()
        },
    }


def main() -> None:
    """Measure, print and record."""
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


if __name__ == "__main__":
    main()
