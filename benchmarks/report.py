"""The figures of `make bench` as a table and as a picture: medians of the turns, with their spread."""

import os
import statistics
from pathlib import Path
from typing import Any

MACHINE = os.environ.get("MACHINE", "2 shared cores of an AMD EPYC")
OURS = "this project"
PICTURED = "16"  # connections


def figures(result: dict[str, Any], server: str, connections: str, name: str) -> list[float]:
    """Return what each turn measured."""
    return [turn["loads"][connections][name] for turn in result["servers"][server]]


def ratio(result: dict[str, Any], one: str, other: str, connections: str, name: str = "requests per second") -> float:
    """Return the median of the ratios, each of two servers in the same round."""
    pairs = zip(figures(result, one, connections, name), figures(result, other, connections, name), strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs)


def table(result: dict[str, Any]) -> str:
    """Return the table that stands in the README."""
    lines = [
        "| | requests/s, 1 connection | 16 | 128 | of ours, at 16 | p50, at 16 | p99, at 16 | p99, at 128 | errors "
        "| CPU for one | memory |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for server, turns in result["servers"].items():
        rates = {count: figures(result, server, count, "requests per second") for count in turns[0]["loads"]}
        cells = [f"{statistics.median(rates['1']):,.0f}"]
        cells.append(f"{statistics.median(rates['16']):,.0f} ({min(rates['16']):,.0f} to {max(rates['16']):,.0f})")
        cells.append(f"{statistics.median(rates['128']):,.0f}")
        cells.append(f"{ratio(result, server, OURS, '16'):.2f}")
        for name, count in (("p50 ms", "16"), ("p99 ms", "16"), ("p99 ms", "128")):
            cells.append(f"{statistics.median(figures(result, server, count, name)):.1f} ms")
        cells.append(f"{sum(load['errors'] for turn in turns for load in turn['loads'].values()):,.0f}")
        cells.append(f"{statistics.median(figures(result, server, '16', 'CPU ms per request')):.2f} ms")
        cells.append(f"{max(load['memory MB'] for turn in turns for load in turn['loads'].values()):,.0f} MB")
        lines.append(f"| {server} | {' | '.join(cells)} |")
    lines += [f"\nNot measured: {server} {reason}." for server, reason in result["not measured"].items()]
    turns = len(result["servers"][OURS]) if OURS in result["servers"] else 0
    lines.append(
        f"\nMedians of {turns} rounds of {result['seconds']:.0f} s, at 16 connections with the least and the most; "
        f"{result['loans']}; {result['machine']}, Python {result['python']}, {result['date']}."
    )
    return "\n".join(lines)


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the requests per second of all servers as bars, and the spread as lines."""
    import matplotlib  # takes a second, which the table need not wait for

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "speed"
    from matplotlib import pyplot

    names = list(reversed(result["servers"]))
    rates = [figures(result, name, PICTURED, "requests per second") for name in names]
    medians = [statistics.median(found) for found in rates]
    spread = [
        [median - min(found) for median, found in zip(medians, rates, strict=True)],
        [max(found) - median for median, found in zip(medians, rates, strict=True)],
    ]
    figure, axes = pyplot.subplots(figsize=(9, 0.42 * len(names) + 1.1), layout="constrained")
    colors = ["#1f77b4" if name == OURS else "#9aa5b1" for name in names]
    bars = axes.barh(names, medians, xerr=spread, color=colors, error_kw={"ecolor": "#333333", "elinewidth": 1})
    axes.bar_label(bars, [f"{median:,.0f}" for median in medians], padding=14)
    axes.set_xlabel(f"requests per second with {PICTURED} connections, one worker (median, least and most)")
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
