"""Writes the tables of docs/service.md from what they are true of."""

import re
from pathlib import Path

from benchmarks import record, report
from credit_risk_model.service.configuration import PREFIX
from credit_risk_model.service.settings import Limits, Settings
from tests.conftest import ROOT
from tests.service import truth_table

DOCUMENT = ROOT / "docs" / "service.md"


def settings() -> str:
    lines = ["| key | environment | default | for a model alone | |", "|---|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        alone = "yes" if name in Limits.model_fields else "no"
        default = "(empty)" if field.default == "" else field.default
        lines.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {default} | {alone} | {field.description} |")
    return "\n".join(lines)


def saturation() -> str:
    measured = record.read("saturation")
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


def tables() -> dict[str, str]:
    return {
        "states": truth_table.markdown(),
        "settings": settings(),
        "saturation": saturation(),
        "refinements": report.refinements(record.read("refinements")),
    }


def renewed(text: str, tables: dict[str, str]) -> str:
    """Return a document with its tables renewed.

    Raises:
        ValueError: a table does not have exactly one place in the document.
    """
    for name, table in tables.items():
        try:
            [place] = re.finditer(rf"(?<=<!-- {re.escape(name)} -->\n).*?<!-- end -->", text, re.DOTALL)
        except ValueError:
            raise ValueError(f"The document must have '<!-- {name} -->' once.") from None
        text = f"{text[: place.start()]}{table}\n<!-- end -->{text[place.end() :]}"
    return text


def main(path: Path = DOCUMENT) -> None:
    path.write_text(renewed(path.read_text(), tables()))


if __name__ == "__main__":
    main()
