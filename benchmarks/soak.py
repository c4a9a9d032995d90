"""Sends 200,000 requests, and measures how much the memory grows after the first 10,000: `make soak`."""

import argparse
import re
import sys
import urllib.request

from tqdm import tqdm

from benchmarks import loans, results, wrk
from benchmarks.process import Running, running
from benchmarks.servers import OURS

WARM = 10_000
GOAL = 5  # MB, at most
CONNECTIONS = 16


def answered(found: Running) -> int:
    """Return the number of answered predictions in the metrics of the service."""
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with directly.open(f"http://127.0.0.1:{found.port}/metrics") as answer:
        text = answer.read().decode()
    count = re.search(r'^model_predictions_total\{.*outcome="answered"\} (\S+)$', text, re.MULTILINE)
    return int(float(count[1])) if count else 0


def main() -> None:
    """Measure, print and record; exit with 1 if a request failed or the memory grew by more than `GOAL`."""
    parser = argparse.ArgumentParser("python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--data", help="a file of real loans (default: synthetic loans)")
    parser.add_argument("--requests", type=int, default=200_000)
    arguments = parser.parse_args()
    wrk.require()
    kind, bodies = loans.different(arguments.data)
    path = wrk.write_bodies(OURS, bodies)
    memory: dict[int, float] = {}
    asked = 0
    errors = 0
    with running(OURS) as found, tqdm(total=arguments.requests, unit=" requests") as progress:
        while asked < arguments.requests:
            # Short at first, so that the memory is read soon after the first 10,000.
            seconds = 1 if asked < WARM else 5
            errors += wrk.result(wrk.start(found, path, CONNECTIONS, seconds))["errors"]
            asked = answered(found)
            progress.update(asked - progress.n)
            if asked >= WARM:
                memory[asked] = round(found.resident(), 1)
    growth = round(memory[max(memory)] - memory[min(memory)], 1)
    result = {
        "loans": f"{len(bodies)} different {kind} loans",
        "connections": CONNECTIONS,
        "requests": max(memory),
        "errors": errors,
        "growth in MB": growth,
        "resident MB after requests": memory,
    }
    results.write("soak", result)
    print(f"{max(memory):,} requests, {errors} errors, {memory[min(memory)]} MB, then {growth:+} MB (at most {GOAL}).")
    if errors or growth > GOAL:
        sys.exit(1)


if __name__ == "__main__":
    main()
