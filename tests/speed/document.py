"""Writes the tables of README.md and docs/speed.md from what the benchmarks recorded."""

from benchmarks import record, report
from tests.conftest import ROOT
from tests.service.document import renewed

DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "speed.md")


def tables() -> dict[str, str]:
    speed = record.read("speed")
    return {
        "rates": report.rates(speed),
        "latencies": report.latencies(speed),
        "ceiling": report.ceiling(record.read("ceiling")),
        "starts": report.starts(speed),
        "layers": report.layers(record.read("layers")),
        "model": report.model(record.read("model")),
        "soak": report.soak(record.read("soak")),
    }


def main() -> None:
    for path in DOCUMENTS:
        path.write_text(renewed(path.read_text(), tables()))


if __name__ == "__main__":
    main()
