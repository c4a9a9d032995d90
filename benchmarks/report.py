"""What the benchmarks recorded, as tables and as a picture."""

import statistics
from pathlib import Path
from typing import Any

from benchmarks import servers

OURS, CEILING, ARTICLE = (server.name for server in (servers.OURS, servers.CEILING, servers.ARTICLE))
PICTURED = "16"  # connections
DIFFERENT = {1: "always the same loan", 500: "500 different loans in turn"}  # the loans of a microbenchmark


def figures(result: dict[str, Any], server: str, connections: str, name: str) -> list[float]:
    """Return the figure `name` of each turn."""
    return [turn["loads"][connections][name] for turn in result["servers"][server]]


def ratio(result: dict[str, Any], one: str, other: str, connections: str, name: str = "requests per second") -> float:
    """Return the median ratio of the servers `one` and `other`, which are compared within each round."""
    pairs = zip(figures(result, one, connections, name), figures(result, other, connections, name), strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs)


def rates(result: dict[str, Any]) -> str:
    """Return the table of the requests per second of each server, and of what they take."""
    lines = [
        "| | requests/s with 1 connection | with 16 (least to most) | with 128 | share of ours with 16 "
        "| p99 with 16 | CPU per request | CPU to start | memory |",
        f"|---|{'---:|' * 8}",
    ]
    errors = {}
    for server, turns in result["servers"].items():
        loads = [load for turn in turns for load in turn["loads"].values()]
        middle = figures(result, server, "16", "requests per second")
        start = statistics.median(turn["CPU seconds to ready"] for turn in turns)
        cells = [
            f"{_median(result, server, '1', 'requests per second'):,.0f}",
            f"{statistics.median(middle):,.0f} ({min(middle):,.0f} to {max(middle):,.0f})",
            f"{_median(result, server, '128', 'requests per second'):,.0f}",
            f"{ratio(result, server, OURS, '16'):.2f}",
            f"{_median(result, server, '16', 'p99 ms'):,.0f} ms",
            f"{_median(result, server, '16', 'CPU ms per request'):.2f} ms",
            f"{start:.1f} s",
            f"{max(load['memory MB'] for load in loads):,.0f} MB",
        ]
        lines.append(f"| {server} | {' | '.join(cells)} |")
        errors[server] = sum(load["errors"] for load in loads)
    failed = ", ".join(f"{count:,.0f} of {server}" for server, count in errors.items() if count)
    lines += [f"\nNot measured: {server} {reason}." for server, reason in result["not measured"].items()]
    lines.append(
        f"\nMedians of {len(result['servers'][OURS])} alternating rounds of {result['seconds']:.0f} s; "
        f"{result['loans']}; {result['machine']}, Python {result['python']}, {result['date']}. "
        f"Errors: {failed or 'none'}."
    )
    return "\n".join(lines)


def start_ratio(result: dict[str, Any], one: str, other: str) -> float:
    """Return the median ratio of the CPU time to start of two servers, compared within each round."""
    mine, theirs = ([float(turn["CPU seconds to ready"]) for turn in result["servers"][name]] for name in (one, other))
    return statistics.median(this / that for this, that in zip(mine, theirs, strict=True))


def turns_ratio(result: dict[str, Any], one: str, other: str, connections: str, name: str) -> float:
    """Return the median ratio of `requests` or `p99` of two servers, compared within each turn."""
    pairs = zip(result[connections][one], result[connections][other], strict=True)
    return statistics.median(float(mine[name]) / float(theirs[name]) for mine, theirs in pairs)


def ceiling(result: dict[str, Any]) -> str:
    """Return the table that compares this project with the servers that come closest to it."""
    headings = ("requests/s at 16", "at 128", "p99 at 16", "at 128", "its own CPU per request at 16", "at 128")
    lines = [f"| this project compared with | {' | '.join(headings)} |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for server in result["16"]:
        cells = [
            f"{turns_ratio(result, OURS, server, connections, name):.2f}"
            for name in ("requests", "p99")
            for connections in ("16", "128")
        ]
        cells += [
            f"{statistics.median(turn['CPU µs per request'] for turn in result[connections][server]):.0f} µs"
            for connections in ("16", "128")
        ]
        lines.append(f"| {server} | {' | '.join(cells)} |")
    lines.append(
        f"\nMedians of the ratios (ours to theirs) in {result['turns']} rounds of a second at 16 and 128 connections; "
        f"{_where(result)}."
    )
    return "\n".join(lines)


def layers(result: dict[str, Any]) -> str:
    """Return the table of the CPU time that each layer adds to a request."""
    lines = ["| layer | CPU µs | quartiles |", "|---|---:|---:|"]
    for name, (low, median, high) in result["layers"].items():
        lines.append(f"| {name} | {median:.0f} | {low:.0f} to {high:.0f} |")
    lines.append(f"\nMedians of {result['rounds']} rounds; {_where(result)}.")
    return "\n".join(lines)


def refinements(result: dict[str, Any]) -> str:
    """Return the table of the service without each of its refinements."""
    names = ("predictions per second", "CPU µs per request", "probe p99 in ms", "lost at the close")
    lines = [f"| the service | {' | '.join(names)} |", "|---|---:|---:|---:|---:|"]
    for change, figures in result["changes"].items():
        cells = [f"{statistics.median(figures[name]):,.0f}" for name in names[:-1]]
        lines.append(f"| {change} | {' | '.join(cells)} | {sum(figures[names[-1]]):.0f} |")
    lines.append(
        f"\nMedians of {result['rounds']} rounds; the last column is the sum. {result['machine']}, {result['date']}."
    )
    return "\n".join(lines)


def parts(result: dict[str, Any]) -> list[dict[str, float]]:
    """Return the median CPU time in µs of each part of a request: in the service, and in its ceiling."""
    return [
        {part: statistics.median(turn.get(part, 0) for turn in turns) for part in set().union(*turns)}
        for turns in (result["turns"][OURS], result["turns"][CEILING])
    ]


def profile(result: dict[str, Any]) -> str:
    """Return the table of the CPU time of each part of a request, in the service and in its ceiling."""
    lines = ["| part of a request, CPU µs | this project | its ceiling |", "|---|---:|---:|"]
    service, of_ceiling = parts(result)
    for part in sorted(service, key=lambda name: -service[name]):
        lines.append(f"| {part} | {service[part]:.0f} | {of_ceiling.get(part, 0):.0f} |")
    totals = [statistics.median(sum(turn.values()) for turn in turns) for turns in result["turns"].values()]
    lines.append(f"| all | {totals[0]:.0f} | {totals[1]:.0f} |")
    lines.append(f"\nMedians of {len(result['turns'][OURS])} rounds with 16 connections; {_where(result)}.")
    return "\n".join(lines)


def _median(result: dict[str, Any], server: str, connections: str, name: str) -> float:
    return statistics.median(figures(result, server, connections, name))


def _where(result: dict[str, Any]) -> str:
    return f"{result['loans']}; {result['machine']}, {result['date']}"


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the requests per second of all servers as bars with error bars from the minimum to the maximum."""
    import matplotlib  # its import takes a second, which the tables do not need

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
    axes.set_xlabel(f"requests per second with {PICTURED} connections, one worker (median, minimum and maximum)")
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
