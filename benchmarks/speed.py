"""Compares the speed of this project with that of other servers: `make bench`.

Every server answers the same loans from one worker. They take turns, so that a slow moment of the machine affects all.
"""

import argparse
import platform
import signal
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import loans, report, results, wrk
from benchmarks.process import CannotRunError, Running, running
from benchmarks.servers import OURS, SERVERS, Server
from credit_risk_model.prediction.model import CreditRiskModel

CONNECTIONS = (1, 16, 128)


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser("python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--data", help="a file of real loans (default: synthetic loans)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="the duration of each load")
    parser.add_argument("--only", help="measure only ours and the servers whose names contain this; write nothing")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the server too
    wrk.require()
    servers = [server for server in SERVERS if server is OURS or (arguments.only or "") in server.name]
    kind, bodies = loans.different(arguments.data)
    model = CreditRiskModel()
    expected = [model.predict(model.input_schema(**loan)).credit_risk.value for loan in bodies]
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "loans": f"{len(bodies)} different {kind} loans",
        "seconds": arguments.seconds,
        "servers": {server.name: [] for server in servers},
        "not measured": {},
    }
    for round_ in range(arguments.rounds):
        for server in servers:
            if server.name in result["not measured"]:
                continue
            print(f"round {round_ + 1} of {arguments.rounds}: {server.name}", flush=True)
            try:
                with running(server) as found:
                    turn = measure(found, bodies, expected, arguments.seconds)
            except CannotRunError as error:
                if server is OURS:
                    sys.exit(f"{server.name} {error}")
                result["not measured"][server.name] = str(error)
                del result["servers"][server.name]
                print(f"  {error}")
                continue
            result["servers"][server.name].append(turn)
        if not arguments.only:  # after each round, so that an interrupted run keeps its results
            results.write("speed", result)
    result = results.conditions() | result
    print(report.rates(result))


def measure(found: Running, bodies: list[dict[str, Any]], expected: list[str], seconds: float) -> dict[str, Any]:
    """Check the answers of the server, then measure it once under each load.

    Raises:
        CannotRunError: an answer is not the expected one.
    """
    check(found.server, found.ask(2 * bodies), 2 * expected)
    turn: dict[str, Any] = {
        "seconds to ready": found.start_seconds,
        "CPU seconds to ready": found.start_cpu_seconds,
        "resident MB after 1000 requests": found.resident(),
        "loads": {},
    }
    path = wrk.write_bodies(found.server, bodies)
    for connections in CONNECTIONS:
        turn["loads"][str(connections)] = under_load(found, path, connections, seconds)
    return turn


def check(server: Server, labels: list[str], expected: list[str]) -> None:
    """Compare the labels with the expected ones; the ceiling only has to answer."""
    if labels != expected and "constant" not in server.name:
        wrong = sum(label != other for label, other in zip(labels, expected, strict=True))
        raise CannotRunError(f"gives a wrong label for {wrong} of {len(expected)} loans")


def under_load(found: Running, bodies: Path, connections: int, seconds: float) -> dict[str, float]:
    """Return the rates, times, CPU time and peak memory of the server under this load.

    Raises:
        CannotRunError: nothing was answered.
    """
    before = found.cpu_seconds()
    asking = wrk.start(found, bodies, connections, seconds)
    memory = 0.0
    while asking.poll() is None:
        memory = max(memory, found.memory())
        time.sleep(0.5)
    figures = wrk.result(asking)
    if not figures["requests"]:
        raise CannotRunError(f"answers no request of {connections} connections in {seconds:.0f} s")
    used = found.cpu_seconds() - before
    return {
        "requests per second": figures["requests"] / figures["seconds"],
        "p50 ms": figures["p50"],
        "p99 ms": figures["p99"],
        "errors": figures["errors"],
        "CPU ms per request": used / figures["requests"] * 1e3,
        "memory MB": memory,
    }


if __name__ == "__main__":
    main()
