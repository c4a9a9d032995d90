"""Runs the scenarios against the servers: `make health-bench`."""

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict, replace
from typing import Any

from benchmarks import results
from benchmarks.health.scenarios import SCENARIOS, Times
from benchmarks.process import CannotRunError
from benchmarks.servers import BENTOML, BY_HAND, KSERVE, LITSERVE, MLFLOW, MLSERVER, OURS, RAY, STOCK

FAULTY = "benchmarks.served.models.Faulty"
SERVERS = (
    replace(OURS, class_path=FAULTY),
    replace(STOCK, name="stock rest_model_service", class_path=FAULTY),
    BY_HAND,
    MLSERVER,
    BENTOML,
    LITSERVE,
    RAY,
    MLFLOW,
    KSERVE,
)
QUICK = Times(load=6, failed=12, overload=6, hang=45, idle=(4.9, 5.1))


def main() -> None:
    """Run, print and record; a run of some servers or scenarios is added to what was recorded."""
    parser = argparse.ArgumentParser("python -m benchmarks.health", description=__doc__)
    parser.add_argument("--servers", default="", help="only those whose names contain one of these words")
    parser.add_argument("--scenarios", default="", help="only those whose names contain one of these words")
    parser.add_argument("--quick", action="store_true", help="short times; print the evidence, and record nothing")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the server too
    times = QUICK if arguments.quick else Times()
    before = results.read("health")["servers"] if arguments.servers or arguments.scenarios else {}
    recorded: dict[str, Any] = {"times in seconds": asdict(times), "servers": before}
    for server in (each for each in SERVERS if chosen(each.name, arguments.servers)):
        paths = {"startup": server.startup, "ready": server.ready, "live": server.live}
        found = recorded["servers"].setdefault(server.name, {"scenarios": {}})
        found |= {"pins": server.pins, "documented": server.documented, "paths": paths}
        for name, scenario in SCENARIOS.items():
            if not chosen(name, arguments.scenarios):
                continue
            try:
                outcome = asdict(asyncio.run(scenario(server, times)))  # type: ignore[arg-type]
            except (CannotRunError, TimeoutError) as error:
                outcome = {"truth": None, "words": str(error) or "takes too long", "evidence": {}}
            found["scenarios"][name] = outcome
            print(f"{server.name}, {name}: {outcome['truth']}: {outcome['words']}", flush=True)
            if arguments.quick:
                print(json.dumps(outcome["evidence"], indent=1), flush=True)
            else:
                results.write("health", recorded)


def chosen(name: str, words: str) -> bool:
    """Whether the name contains one of the words, or no words are given."""
    return not words or any(word.lower() in name.lower() for word in words.split(","))


if __name__ == "__main__":
    main()
