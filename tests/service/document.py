"""Writes the tables of README.md, docs/service.md and docs/speed.md from what they are true of."""

import json
import re
from collections.abc import Callable
from typing import Any

from benchmarks import report
from credit_risk_model.service.configuration import PREFIX, Limits, Settings
from tests.conftest import ROOT
from tests.service import truth_table

DOCUMENT = ROOT / "docs" / "service.md"
SPEED = ROOT / "docs" / "speed.md"
DOCUMENTS = (ROOT / "README.md", DOCUMENT, SPEED)
MEASURED = ROOT / "benchmarks" / "saturation.json"


def settings() -> str:
    lines = ["| key | environment | default | for a model alone | |", "|---|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        alone = "yes" if name in Limits.model_fields else "no"
        lines.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {field.default} | {alone} | {field.description} |")
    return "\n".join(lines)


def saturation() -> str:
    measured = json.loads(MEASURED.read_text())
    lines = [
        "| | predictions/s | refused/s | lost | p50 of the probes | p99 | longest |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in ("a whole core", "a fifth of a core"):
        row = measured[name]
        probes = row["probes in ms"].values()
        worst = (f"{max(probe[part] for probe in probes):.0f} ms" for part in ("p50", "p99", "max"))
        counts = (f"{row[part]:,}" for part in ("predictions per second", "refused per second", "lost"))
        lines.append(f"| {name} | {' | '.join(counts)} | {' | '.join(worst)} |")
    seconds = f"{measured['seconds']:.0f}"
    lines.append(f"\nThe slowest of the three probes, {seconds} s each, {measured['machine']}, {measured['date']}.")
    return "\n".join(lines)


def recorded(name: str) -> dict[str, Any]:
    """Return what a benchmark has written."""
    found: dict[str, Any] = json.loads((ROOT / "benchmarks" / f"{name}.json").read_text())
    return found


def renewed(text: str) -> str:
    """Return a document with its tables made anew."""
    speed = recorded("speed")
    tables: dict[str, Callable[[], str]] = {
        "states": truth_table.markdown,
        "settings": settings,
        "saturation": saturation,
        "rates": lambda: report.rates(speed),
        "latencies": lambda: report.latencies(speed),
        "starts": lambda: report.starts(speed),
        "layers": lambda: report.layers(recorded("layers")),
        "model": lambda: report.model(recorded("model")),
        "soak": lambda: report.soak(recorded("soak")),
    }
    for name in re.findall(r"<!-- (\w+) -->\n", text):
        if name in tables:
            table = tables[name]()
            pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
            text = re.sub(pattern, lambda found: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL)  # noqa: B023  # used at once
    return text


def main() -> None:
    for path in DOCUMENTS:
        path.write_text(renewed(path.read_text()))


if __name__ == "__main__":
    main()
