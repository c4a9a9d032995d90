"""Compares this project with its ceiling and with FastAPI by hand, in many short turns.

All servers run at the same time. Results that are close together need more turns than `make bench` gives them, because
the noise of a shared machine would otherwise hide the differences.
"""

import argparse
from contextlib import ExitStack
from typing import Any

from benchmarks import loans, report, results, wrk
from benchmarks.process import running
from benchmarks.servers import BUSY, BY_HAND, CEILING, IN_LOOP, OURS, SAME_LOAN

TURNS = 21


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser("python -m benchmarks.ceiling", description=__doc__)
    parser.add_argument("--data", help="a file of real loans (default: synthetic loans)")
    wrk.require()
    kind, bodies = loans.different(parser.parse_args().data)
    result: dict[str, Any] = {
        "loans": f"{len(bodies)} different {kind} loans",
        "turns": TURNS,
    }
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(server)) for server in (OURS, CEILING, SAME_LOAN, BUSY, BY_HAND, IN_LOOP)
        ]
        path = wrk.write_bodies(OURS, bodies)
        for found in servers:
            found.ask(bodies)
        for connections in (16, 128):
            turns: dict[str, list[dict[str, Any]]] = {found.server.name: [] for found in servers}
            for _ in range(TURNS):
                for found in servers:
                    before = found.cpu_seconds()
                    turn = wrk.result(wrk.start(found, path, connections, 1))
                    turn["CPU µs per request"] = round((found.cpu_seconds() - before) / turn["requests"] * 1e6, 1)
                    turns[found.server.name].append(turn)
            result[str(connections)] = turns
    results.write("ceiling", result)
    print(report.ceiling(results.read("ceiling")))


if __name__ == "__main__":
    main()
