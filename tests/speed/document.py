"""Writes the tables of README.md and docs/speed.md from what the benchmarks recorded."""

import json
from typing import Any

from benchmarks import report
from tests.conftest import ROOT
from tests.service.document import renewed

DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "speed.md")


def recorded(name: str) -> dict[str, Any]:
    """Return what a benchmark has written."""
    found: dict[str, Any] = json.loads((ROOT / "benchmarks" / f"{name}.json").read_text())
    return found


def tables() -> dict[str, str]:
    speed = recorded("speed")
    return {
        "rates": report.rates(speed),
        "latencies": report.latencies(speed),
        "ceiling": report.ceiling(recorded("ceiling")),
        "starts": report.starts(speed),
        "layers": report.layers(recorded("layers")),
        "model": report.model(recorded("model")),
        "soak": report.soak(recorded("soak")),
    }


def main() -> None:
    for path in DOCUMENTS:
        path.write_text(renewed(path.read_text(), tables()))


if __name__ == "__main__":
    main()
