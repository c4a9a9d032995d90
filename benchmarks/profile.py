"""Profiles the service and its ceiling under load: py-spy samples their stacks 250 times a second.

The stacks are written to build/benchmark/. An ordinary user may do this if kernel.yama.ptrace_scope is 0.
"""

import argparse
import subprocess
import sys
from collections import Counter
from pathlib import Path

from benchmarks import loans, report, results, wrk
from benchmarks.process import Running, installed, running
from benchmarks.servers import BUILD, CEILING, OURS

CONNECTIONS, RATE, TURNS = 16, 250, 9
# The part of a request that a frame belongs to, by a piece of the frame's path. The innermost known frame decides.
PARTS = {
    "single_row.py": "the trees",
    "credit_risk_model/prediction/": "the rest of the model",
    "credit_risk_model/features.py": "the rest of the model",
    "benchmarks/served/": "the rest of the model",
    "json/": "JSON, validation, the answer",
    "service/body.py": "JSON, validation, the answer",
    "service/predictions.py": "JSON, validation, the answer",
    "service/answers.py": "JSON, validation, the answer",
    "service/threads.py": "the way to the thread and back",
    "logging/": "metrics and access log",
    "prometheus_client/": "metrics and access log",
    "service/observation.py": "metrics and access log",
    "service/metrics.py": "metrics and access log",
    "service/lifecycle.py": "metrics and access log",
    "rest_model_service/": "metrics and access log",
    "asgi_correlation_id/": "request id",
    "starlette/": "request id",
    "uvicorn/": "uvicorn",
    "service/server.py": "uvicorn",
}
REST = "event loop and kernel"


def part(stack: str) -> str:
    """Return the part of a request that a stack of py-spy belongs to: the outermost frame first, separated by `;`."""
    for frame in reversed(stack.split(";")):
        for piece, name in PARTS.items():
            if piece in frame:
                return name
    return REST


def spied(found: Running, bodies: Path, seconds: float) -> Counter[str]:
    """Return the CPU time in µs that each part of a request takes."""
    [process] = found.processes()
    raw = BUILD / f"{found.server.class_path}.stacks"
    before = found.cpu_seconds()
    asking = wrk.start(found, bodies, CONNECTIONS, seconds)
    spy = [str(installed("profile") / "py-spy"), "record", "--nonblocking", "--full-filenames", "--rate", str(RATE)]
    spy += ["--duration", f"{seconds - 1:.0f}", "--format", "raw", "--output", str(raw), "--pid", process.name]
    done = subprocess.run(spy, capture_output=True, text=True, check=False)
    asked = wrk.result(asking)
    if done.returncode:
        sys.exit(f"py-spy ended with {done.returncode}: {done.stderr.strip()}")
    each = (found.cpu_seconds() - before) / asked["requests"] * 1e6
    samples: Counter[str] = Counter()
    for line in raw.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        samples[part(stack)] += int(count)
    return Counter({name: round(count / samples.total() * each, 1) for name, count in samples.items()})


def main() -> None:
    """Measure in turns, print and record."""
    parser = argparse.ArgumentParser("python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--data", help="a file of real loans (default: synthetic loans)")
    parser.add_argument("--seconds", type=float, default=6, help="the duration of each turn")
    arguments = parser.parse_args()
    wrk.require()
    installed("profile")
    kind, bodies = loans.different(arguments.data)
    turns: dict[str, list[Counter[str]]] = {OURS.name: [], CEILING.name: []}
    with running(OURS) as ours, running(CEILING) as ceiling:
        path = wrk.write_bodies(OURS, bodies)
        for found in (ours, ceiling):
            found.ask(bodies)
        for turn in range(TURNS):
            print(f"turn {turn + 1} of {TURNS}", flush=True)
            for found in (ours, ceiling):
                turns[found.server.name].append(spied(found, path, arguments.seconds))
    results.write("profile", {"loans": f"{len(bodies)} different {kind} loans", "turns": turns})
    print(report.profile(results.read("profile")))


if __name__ == "__main__":
    main()
