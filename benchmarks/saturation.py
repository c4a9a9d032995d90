"""Measures the probes while 256 connections ask for predictions, on a whole core and on a fifth of one.

The service runs on the first core, the load and the probing on the second one. A fifth of a core is a control
group with a quota of 20 ms in every 100 ms, as a Kubernetes limit of 200m sets it, and needs root.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.control_group import control_group
from benchmarks.load import in_process, load, probe

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "saturation.json"
CONNECTIONS = 256
SECONDS = float(os.environ.get("SECONDS", "30"))


@contextmanager
def serving(groups: Sequence[Path] = ()) -> Iterator[int]:
    """Start the service on the first core; yield its port once it is ready."""
    core = min(os.sched_getaffinity(0))

    def confine() -> None:
        os.sched_setaffinity(0, {core})
        for group in groups:
            group.write_text(str(os.getpid()))

    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "credit_risk_model.service", "--port", "0"],
            cwd=ROOT,
            env=os.environ | {"REST_CONFIG": "configuration/rest_configuration.yaml"},
            stderr=log,
            preexec_fn=confine,
        )
        try:
            text = ""
            while "Loaded" not in text:
                time.sleep(0.1)
                log.seek(0)
                text = log.read()
            yield int(re.search(r"running on http://127.0.0.1:(\d+)", text)[1])  # type: ignore[index]  # before "Loaded"
        finally:
            process.terminate()
            process.wait()


def measure(groups: Sequence[Path] = ()) -> dict[str, Any]:
    """Return what the probes and the predictions got in `SECONDS`."""
    with serving(groups) as port:
        end = time.time() + SECONDS
        loading = in_process(load, ("127.0.0.1", port), end, CONNECTIONS)
        probing = in_process(probe, ("127.0.0.1", port), end)
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
        "machine": os.environ.get("MACHINE", "2 shared cores of an AMD EPYC"),
        "date": time.strftime("%Y-%m-%d"),
        "connections": CONNECTIONS,
        "seconds": SECONDS,
        "a whole core": measure(),
    }
    try:
        with control_group(0.2) as groups:
            result["a fifth of a core"] = measure(groups)
    except OSError as error:
        print(f"A fifth of a core was not measured, a control group needs root: {error}.", file=sys.stderr)
    text = json.dumps(result, indent=2) + "\n"
    RESULT.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
