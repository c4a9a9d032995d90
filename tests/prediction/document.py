"""Draws docs/reasons.svg and writes the tables of docs/beyond.md from what they are true of."""

import json
import math
from html import escape
from typing import Any

from benchmarks import record
from benchmarks.batches import RATIO
from credit_risk_model import artifact
from credit_risk_model.features import ON_BOOK
from credit_risk_model.prediction.on_book import CreditRiskOnBookExplanationModel
from tests.conftest import ROOT
from tests.service.document import renewed

DOCUMENT = ROOT / "docs" / "beyond.md"
PICTURE = ROOT / "docs" / "reasons.svg"
_COLOURS = {"riskier": "#b2182b", "safer": "#2166ac"}


def answer() -> dict[str, Any]:
    """Return the explanation of the example of the documentation, by the model that knows its age."""
    model = CreditRiskOnBookExplanationModel()
    found: dict[str, Any] = model.predict(model.input_schema(**ON_BOOK.example)).model_dump(mode="json")
    return found


def picture() -> str:
    """Return a bar for each reason, from the middle to the side where it moved the loan."""
    found = answer()
    middle, height = 500, 40 * len(found["reasons"]) + 120
    scale = 190 / max(abs(reason["contribution"]) for reason in found["reasons"])
    title = (
        f"{found['credit_risk']}: probability of risky {found['probability']:.3f}, threshold {found['threshold']:.3f}"
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}"',
        ' font-family="sans-serif" font-size="15">',
        f'<rect width="760" height="{height}" fill="white"/>',
        f'<text x="20" y="30" font-size="17" font-weight="bold">{title}</text>',
    ]
    for row, reason in enumerate(found["reasons"]):
        y, width = 52 + 40 * row, abs(reason["contribution"]) * scale
        left = middle if reason["contribution"] > 0 else middle - width
        end, anchor = (left + width + 6, "start") if reason["contribution"] > 0 else (left - 6, "end")
        words = escape(f"{reason['name']}: {reason['value']}")
        lines += [
            f'<text x="20" y="{y + 18}">{words}</text>',
            f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="26" fill="{_COLOURS[reason["direction"]]}"/>',
            f'<text x="{end:.1f}" y="{y + 18}" text-anchor="{anchor}">{reason["contribution"]:+.2f}</text>',
        ]
    base = height - 60
    lines += [
        f'<line x1="{middle}" y1="44" x2="{middle}" y2="{base}" stroke="black"/>',
        f'<text x="{middle - 10}" y="{base + 24}" text-anchor="end" fill="{_COLOURS["safer"]}">safer</text>',
        f'<text x="{middle + 10}" y="{base + 24}" fill="{_COLOURS["riskier"]}">riskier (log-odds)</text>',
        f'<text x="20" y="{base + 44}" font-size="13">{_sum(found)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _sum(found: dict[str, Any]) -> str:
    whole = math.log(found["probability"] / (1 - found["probability"]))
    rest = whole - found["base_value"] - sum(reason["contribution"] for reason in found["reasons"])
    return (
        f"Before any feature {found['base_value']:+.2f}, the other {len(ON_BOOK) - len(found['reasons'])} features "
        f"{rest:+.2f}: together {whole:+.2f}, a probability of {found['probability']:.3f}."
    )


def calibration() -> str:
    lines = []
    for path in (artifact.PACKAGED, artifact.PACKAGED_ON_BOOK):
        evaluation = json.loads(artifact.verify(path)["evaluation.json"])
        lines += ["| probability answered, on average | of them turned out risky | rows |", "|---:|---:|---:|"]
        for group in evaluation["calibration"]:
            lines.append(f"| {group['predicted']:.3f} | {group['observed']:.3f} | {group['loans']:,} |")
        lines.append("")
    return "\n".join(lines[:-1])


def batches() -> str:
    measured = record.read("batches")
    lines = [
        "| | single predictions/s | loans of batches/s | p99 of the probes | longest |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in measured.items():
        if isinstance(row, dict):
            counts = f"{row['single predictions per second']:,.0f} | {row['loans of batches per second']:,.0f}"
            lines.append(
                f"| {name} | {counts} | {row['probes p99 in ms']:.0f} ms | {row['slowest probe in ms']:.0f} ms |"
            )
    lines.append(
        f"\nMedians of {measured['turns']} turns of {measured['seconds']:.0f} s: {measured[RATIO]:.1f} loans in "
        f"batches for one single prediction. The service on one core, load and probes on the other; "
        f"{measured['machine']}, {measured['date']}."
    )
    return "\n".join(lines)


def file() -> str:
    measured = record.read("scoring")
    found, contributions = measured["file"], measured["contributions"]
    return "\n".join(
        [
            "| | |",
            "|---|---:|",
            f"| rows, of Parquet: real loans, repeated | {found['rows']:,} |",
            f"| rows scored in a second, from the file to the file | {found['rows per second']:,} |",
            f"| rate, as a share of `Booster.predict` alone on the same matrix | "
            f"{found['share of the rate of the booster']:.2f} |",
            f"| time on the cores of `Booster.predict`, as a share of the whole | "
            f"{found['share of its time on the cores']:.2f} |",
            f"| most memory | {found['megabytes']} MB |",
            f"| contributions of a loan, one thread | {contributions['ms for one loan']} ms |",
            f"| largest error of their sum, in log-odds, over {contributions['loans']:,} real loans | "
            f"{contributions['largest error in log-odds']:.0e} |",
            f"\n{found['threads']} threads, medians of runs in turn; {measured['machine']}, {measured['date']}.",
        ]
    )


def job() -> str:
    measured = record.read("scoring_job")
    lines = ["| engine | time | most memory of all processes |", "|---|---:|---:|"]
    for engine, figures in measured["engines"].items():
        lines.append(f"| {engine} | {figures['seconds']} s | {figures['peak memory in MiB']:,} MiB |")
    lines.append(
        f"\n{measured['rows']:,} synthetic loans in row groups of 1,048,576, scored without `--on-book`, "
        f"two threads or workers, a limit of "
        f"{measured['limit in MiB']:,} MiB; {measured['machine']}, {measured['date']}."
    )
    return "\n".join(lines)


def tables() -> dict[str, str]:
    return {"calibration": calibration(), "batches": batches(), "file": file(), "job": job()}


def main() -> None:
    PICTURE.write_text(picture())
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(), tables()))


if __name__ == "__main__":
    main()
