"""Generates the tables and the picture of docs/speed.md from what `make bench` recorded."""

import statistics
from pathlib import Path
from typing import Any

from benchmarks.goals import figures, goals
from benchmarks.results import read
from benchmarks.servers import OURS
from docs.tables.figure import drawing

PICTURED = "16"  # connections


def rates() -> str:
    """Return the table of the requests per second of each server, and of what they take."""
    speed = read("speed")
    lines = [
        "| | requests/s with 1 connection | with 16 (least to most) | with 128 "
        "| p99 with 16 | CPU per request | CPU to start | memory |",
        f"|---|{'---:|' * 7}",
    ]

    def median(server: str, connections: str, name: str) -> float:
        return statistics.median(figures(speed, server, connections, name))

    errors = {}
    for server, turns in speed["servers"].items():
        loads = [load for turn in turns for load in turn["loads"].values()]
        middle = figures(speed, server, "16", "requests per second")
        cells = [
            f"{median(server, '1', 'requests per second'):,.0f}",
            f"{statistics.median(middle):,.0f} ({min(middle):,.0f} to {max(middle):,.0f})",
            f"{median(server, '128', 'requests per second'):,.0f}",
            f"{median(server, '16', 'p99 ms'):,.0f} ms",
            f"{median(server, '16', 'CPU ms per request'):.2f} ms",
            f"{statistics.median(turn['CPU seconds to ready'] for turn in turns):.1f} s",
            f"{max(load['memory MB'] for load in loads):,.0f} MB",
        ]
        lines.append(f"| {server} | {' | '.join(cells)} |")
        errors[server] = sum(load["errors"] for load in loads)
    failed = ", ".join(f"{count:,.0f} of {server}" for server, count in errors.items() if count)
    lines += [f"\nNot measured: {server} {reason}." for server, reason in speed["not measured"].items()]
    lines.append(
        f"\nMedians of {len(speed['servers'][OURS.name])} alternating rounds of {speed['seconds']:.0f} s; "
        f"{speed['loans']}; {speed['machine']}, Python {speed['python']}, {speed['date']}. "
        f"Errors: {failed or 'none'}."
    )
    return "\n".join(lines)


def reached() -> str:
    """Return the table of the goals."""
    lines = ["| goal | at least | at most | measured | |", "|---|---:|---:|---:|---|"]
    for goal in goals():
        bounds = " | ".join("" if bound is None else f"{bound:g}" for bound in (goal.least, goal.most))
        lines.append(f"| {goal.what} | {bounds} | {goal.figure:.2f} | {'reached' if goal.reached else '**missed**'} |")
    return "\n".join(lines)


def draw(path: Path) -> None:
    """Draw the requests per second of all servers as bars with error bars from the minimum to the maximum."""
    speed: dict[str, Any] = read("speed")
    names = list(reversed(speed["servers"]))
    measured = [figures(speed, name, PICTURED, "requests per second") for name in names]
    medians = [statistics.median(found) for found in measured]
    spread = [
        [median - min(found) for median, found in zip(medians, measured, strict=True)],
        [max(found) - median for median, found in zip(medians, measured, strict=True)],
    ]
    colors = ["#1f77b4" if name == OURS.name else "#9aa5b1" for name in names]
    with drawing(path, 9, 0.42 * len(names) + 1.1) as axes:
        bars = axes.barh(names, medians, xerr=spread, color=colors, error_kw={"ecolor": "#333333", "elinewidth": 1})
        axes.bar_label(bars, [f"{median:,.0f}" for median in medians], padding=14)
        axes.set_xlabel(f"requests per second with {PICTURED} connections, one worker (median, minimum and maximum)")
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
