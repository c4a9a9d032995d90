"""Draws the pictures of README.md and docs/: `python -m docs.tables.pictures`."""

import math
from html import escape
from typing import Any

from benchmarks import results
from credit_risk_model.features import ON_BOOK
from credit_risk_model.prediction.on_book import CreditRiskOnBookExplanationModel
from docs.tables import health, speed

REASONS = results.ROOT / "docs" / "reasons.svg"
SPEED = results.ROOT / "benchmarks" / "speed.svg"
HEALTH = results.ROOT / "benchmarks" / "health.svg"
_COLOURS = {"riskier": "#b2182b", "safer": "#2166ac"}


def answer() -> dict[str, Any]:
    """Return the explanation of `examples/loan.json`."""
    model = CreditRiskOnBookExplanationModel()
    explanation: dict[str, Any] = model.predict(model.input_schema(**ON_BOOK.example)).model_dump(mode="json")
    return explanation


def reasons() -> str:
    """Return an SVG with a bar for each reason: to the left if it makes the loan safer, to the right if riskier."""
    explanation = answer()
    middle, height = 500, 40 * len(explanation["reasons"]) + 120
    scale = 190 / max(abs(reason["contribution"]) for reason in explanation["reasons"])
    probability, threshold = explanation["probability"], explanation["threshold"]
    title = f"{explanation['credit_risk']}: probability of risky {probability:.3f}, threshold {threshold:.3f}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}"',
        ' font-family="sans-serif" font-size="15">',
        f'<rect width="760" height="{height}" fill="white"/>',
        f'<text x="20" y="30" font-size="17" font-weight="bold">{title}</text>',
    ]
    for row, reason in enumerate(explanation["reasons"]):
        y, width = 52 + 40 * row, abs(reason["contribution"]) * scale
        left = middle if reason["contribution"] > 0 else middle - width
        end, anchor = (left + width + 6, "start") if reason["contribution"] > 0 else (left - 6, "end")
        words = escape(f"{reason['name']}: {str(reason['value']).strip()}")
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
        f'<text x="20" y="{base + 44}" font-size="13">{_sum(explanation)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _sum(explanation: dict[str, Any]) -> str:
    probability, shown = explanation["probability"], explanation["reasons"]
    log_odds = math.log(probability / (1 - probability))
    rest = log_odds - explanation["base_value"] - sum(reason["contribution"] for reason in shown)
    return (
        f"Base value {explanation['base_value']:+.2f}, the other {len(ON_BOOK) - len(shown)} features {rest:+.2f}: "
        f"the sum of all is {log_odds:+.2f}, a probability of {probability:.3f}."
    )


def main() -> None:
    """Draw the pictures."""
    REASONS.write_text(reasons())
    speed.draw(SPEED)
    health.draw(HEALTH)


if __name__ == "__main__":
    main()
