"""Runs the scenarios against the servers: `make health-bench`."""

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
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
    """Run, print and record; a run of some servers or scenarios is added to what the file has."""
    parser = argparse.ArgumentParser("python -m benchmarks.health", description=__doc__)
    parser.add_argument("--servers", default="", help="only those whose names contain one of these words")
    parser.add_argument("--scenarios", default="", help="only those whose names contain one of these words")
    parser.add_argument("--quick", action="store_true", help="short times")
    parser.add_argument("--to", type=Path, default=results.FOLDER / "health.json", help="the file with the results")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the server too
    times = QUICK if arguments.quick else Times()
    recorded: dict[str, Any] = {**results.conditions(), "times in seconds": asdict(times), "servers": {}}
    if (arguments.servers or arguments.scenarios) and arguments.to.exists():
        before = json.loads(arguments.to.read_text())
        if before["times in seconds"] != json.loads(json.dumps(asdict(times))):
            sys.exit(f"{arguments.to} has results of other times: name another file with --to.")
        recorded["servers"] = before["servers"]
    for server in SERVERS:
        if not chosen(server.name, arguments.servers):
            continue
        paths = {"startup": server.startup, "ready": server.ready, "live": server.live}
        about = {"pins": server.pins, "documented": server.documented, "paths": paths}
        found = recorded["servers"].setdefault(server.name, {"scenarios": {}})
        found.update(about)
        for name, scenario in SCENARIOS.items():
            if not chosen(name, arguments.scenarios):
                continue
            try:
                outcome = asdict(asyncio.run(scenario(server, times)))  # type: ignore[arg-type]
            except (CannotRunError, TimeoutError) as error:
                outcome = {"truth": None, "words": str(error) or "takes too long", "evidence": {}}
            found["scenarios"][name] = outcome
            print(f"{server.name}, {name}: {outcome['truth']}: {outcome['words']}", flush=True)
            arguments.to.write_text(json.dumps(recorded, indent=1) + "\n")


def chosen(name: str, words: str) -> bool:
    """Whether the name contains one of the words, or no words are given."""
    return not words or any(word.lower() in name.lower() for word in words.split(","))


if __name__ == "__main__":
    main()
