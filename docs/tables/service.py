"""Generates the tables of docs/service.md from the truth table, the settings and the recorded measurements."""

from benchmarks import results
from credit_risk_model.service.configuration import PREFIX
from credit_risk_model.service.settings import Limits, Settings
from credit_risk_model.service.state import TRUTH_TABLE


def states() -> str:
    """Return the truth table of the states."""
    lines = ["| state | `/api/health` | `/api/health/ready` | `/api/health/startup` | prediction | note |"]
    lines.append("|---|---|---|---|---|---|")
    for state, row in TRUTH_TABLE.items():
        prediction = f"{row.prediction}{' + Retry-After' if row.retry_after else ''}"
        lines.append(f"| {state} | {row.health} | {row.ready} | {row.startup} | {prediction} | {row.note} |")
    return "\n".join(lines)


def settings() -> str:
    """Return the table of the settings with their defaults."""
    lines = ["| key | environment | default | also per model | |", "|---|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        per_model = "yes" if name in Limits.model_fields else "no"
        default = "(empty)" if field.default == "" else field.default
        lines.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {default} | {per_model} | {field.description} |")
    return "\n".join(lines)


def saturation() -> str:
    """Return the table of the probes and predictions under 256 connections."""
    measured = results.read("saturation")
    lines = [
        "| | predictions/s | refused/s | lost | probe p50 | probe p99 | slowest probe |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in ("a whole core", "a fifth of a core"):
        row = measured[name]
        probes = row["probes in ms"].values()
        worst = (f"{max(probe[part] for probe in probes):.0f} ms" for part in ("p50", "p99", "max"))
        counts = (f"{row[part]:,}" for part in ("predictions per second", "refused per second", "lost"))
        lines.append(f"| {name} | {' | '.join(counts)} | {' | '.join(worst)} |")
    lines.append(
        f"\nThe columns show the slowest of the three probes. Each row was measured for {measured['seconds']:.0f} s on "
        f"{measured['machine']}, {measured['date']}."
    )
    return "\n".join(lines)
