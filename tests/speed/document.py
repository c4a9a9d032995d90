"""Writes the tables of README.md and docs/speed.md, and the picture, from what the benchmarks recorded."""

from pathlib import Path

from benchmarks import goals, record, report
from tests.conftest import ROOT
from tests.service.document import renewed

PICTURE = ROOT / "benchmarks" / "speed.svg"


def tables() -> dict[Path, dict[str, str]]:
    """Return the tables of each document."""
    speed = record.read("speed")
    return {
        ROOT / "README.md": {"rates": report.rates(speed)},
        ROOT / "docs" / "speed.md": {
            **{f"load {connections}": report.load(speed, connections) for connections in ("1", "16", "128")},
            "ceiling": report.ceiling(record.read("ceiling")),
            "goals": goals.table(),
            "profile": report.profile(record.read("profile")),
            "starts": report.starts(speed),
            "layers": report.layers(record.read("layers")),
            "model": report.model(record.read("model")),
            "soak": report.soak(record.read("soak")),
        },
    }


def main() -> None:
    for path, of_document in tables().items():
        path.write_text(renewed(path.read_text(), of_document))
    report.draw(record.read("speed"), PICTURE)


if __name__ == "__main__":
    main()
