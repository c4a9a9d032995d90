"""Compares the speed of this project with that of other servers: `make bench`.

Every server answers the same loans from one worker. They take turns, so that a slow moment of the machine affects all.
At the end, 200,000 requests show how much the memory of this project grows.
"""

import argparse
import json
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import loans, results
from benchmarks.process import CannotRunError, Running, running
from benchmarks.servers import BUILD, CEILING, OURS, SERVERS, Loan
from credit_risk_model.prediction.model import CreditRiskModel

CONNECTIONS = (1, 16, 128)
REQUESTS, WARM = 200_000, 10_000  # the growth of the memory is measured between these numbers of requests


def load(found: Running, bodies: Path, connections: int, seconds: float) -> tuple[dict[str, Any], float]:
    """Send the bodies in turn with wrk, which waits up to 30 s for an answer; return its figures, and the peak MB."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s"]
    command += ["-s", str(results.FOLDER / "wrk.lua"), f"http://127.0.0.1:{found.port}", "--"]
    wrk = subprocess.Popen([*command, str(bodies), found.server.path], stdout=subprocess.PIPE, text=True)
    memory = 0.0
    while wrk.poll() is None:
        memory = max(memory, found.memory())
        time.sleep(0.5)
    return json.loads(wrk.communicate()[0].splitlines()[-1]), memory


def under_load(found: Running, bodies: Path, connections: int, seconds: float) -> dict[str, float]:
    """Return the rates, times, CPU time and peak memory of the server under this load.

    Raises:
        CannotRunError: nothing was answered.
    """
    before = found.cpu_seconds()
    figures, memory = load(found, bodies, connections, seconds)
    if not figures["requests"]:
        raise CannotRunError(f"answers no request of {connections} connections in {seconds:.0f} s")
    return {
        "requests per second": figures["requests"] / figures["seconds"],
        "p50 ms": figures["p50"],
        "p99 ms": figures["p99"],
        "errors": figures["errors"],
        "CPU ms per request": (found.cpu_seconds() - before) / figures["requests"] * 1e3,
        "memory MB": memory,
    }


def written(found: Running, different: list[Loan]) -> Path:
    """Write the bodies of the requests, one per line."""
    path = BUILD / "bodies.jsonl"
    path.write_text("".join(json.dumps(found.server.body(loan)) + "\n" for loan in different))
    return path


def measure(found: Running, different: list[Loan], expected: list[str], seconds: float) -> dict[str, Any]:
    """Check the answers of the server, then measure it once under each load.

    Raises:
        CannotRunError: an answer is not the expected one.
    """
    start = {"seconds to ready": time.monotonic() - found.started, "CPU seconds to ready": found.cpu_seconds()}
    labels = [found.label(loan) for loan in 2 * different]
    wrong = sum(label != other for label, other in zip(labels, 2 * expected, strict=True))
    if wrong and found.server is not CEILING:
        raise CannotRunError(f"gives a wrong label for {wrong} of {len(labels)} loans")
    resident = found.resident()
    path = written(found, different)
    loads = {str(connections): under_load(found, path, connections, seconds) for connections in CONNECTIONS}
    return {**start, "resident MB after 1000 requests": resident, "loads": loads}


def growth(different: list[Loan]) -> dict[str, Any]:
    """Return how much the memory of this project grows between `WARM` and `REQUESTS` requests."""
    memory: dict[int, float] = {}
    requests = errors = 0
    with running(OURS) as found:
        path = written(found, different)
        while requests < REQUESTS:
            figures, _ = load(found, path, 16, 1 if requests < WARM else 5)
            requests += figures["requests"]
            errors += figures["errors"]
            if requests >= WARM:
                memory[requests] = round(found.resident(), 1)
    grown = round(memory[max(memory)] - memory[min(memory)], 1)
    return {"requests": requests, "errors": errors, "growth in MB": grown, "resident MB after requests": memory}


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser("python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="the duration of each load")
    parser.add_argument("--only", help="measure only the servers whose names contain this; print, and record nothing")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the server too
    if not shutil.which("wrk"):
        sys.exit("This benchmark needs wrk, which is not installed. On Debian, run 'apt install wrk'.")
    servers = [server for server in SERVERS if (arguments.only or "") in server.name]
    different = loans.different()
    model = CreditRiskModel()
    expected = [model.predict(model.input_schema(**loan)).credit_risk.value for loan in different]
    turns: dict[str, list[Any]] = {server.name: [] for server in servers}
    unmeasured: dict[str, str] = {}
    for round_ in range(arguments.rounds):
        for server in servers:
            if server.name in unmeasured:
                continue
            print(f"round {round_ + 1} of {arguments.rounds}: {server.name}", flush=True)
            try:
                with running(server) as found:
                    turns[server.name].append(measure(found, different, expected, arguments.seconds))
            except CannotRunError as error:
                if server is OURS:
                    sys.exit(f"{server.name} {error}")
                unmeasured[server.name] = str(error)
                print(f"  {error}")
    result = {
        "python": platform.python_version(),
        "loans": f"{len(different)} different synthetic loans",
        "seconds": arguments.seconds,
        "servers": {name: found for name, found in turns.items() if name not in unmeasured},
        "not measured": unmeasured,
    }
    if arguments.only:
        print(json.dumps(result, indent=1))
    else:
        results.write("speed", result | {"memory": growth(different)})


if __name__ == "__main__":
    main()
