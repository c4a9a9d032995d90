"""The figures of `make bench` as a table and as a picture: medians of the turns, with their spread."""

import statistics
from pathlib import Path
from typing import Any

OURS = "this project"
PICTURED = "16"  # connections


def figures(result: dict[str, Any], server: str, connections: str, name: str) -> list[float]:
    """Return what each turn measured."""
    return [turn["loads"][connections][name] for turn in result["servers"][server]]


def ratio(result: dict[str, Any], one: str, other: str, connections: str, name: str = "requests per second") -> float:
    """Return the median of the ratios, each of two servers in the same round."""
    pairs = zip(figures(result, one, connections, name), figures(result, other, connections, name), strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs)


def rates(result: dict[str, Any]) -> str:
    """Return the table of the requests per second, and what they cost."""
    lines = [
        "| | 1 connection | 16 connections | 128 | of ours, at 16 | CPU for one | memory | errors |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for server, turns in result["servers"].items():
        loads = [load for turn in turns for load in turn["loads"].values()]
        middle = figures(result, server, "16", "requests per second")
        cells = [
            f"{_median(result, server, '1', 'requests per second'):,.0f}",
            f"{statistics.median(middle):,.0f} ({min(middle):,.0f} to {max(middle):,.0f})",
            f"{_median(result, server, '128', 'requests per second'):,.0f}",
            f"{ratio(result, server, OURS, '16'):.2f}",
            f"{_median(result, server, '16', 'CPU ms per request'):.2f} ms",
            f"{max(load['memory MB'] for load in loads):,.0f} MB",
            f"{sum(load['errors'] for load in loads):,.0f}",
        ]
        lines.append(f"| {server} | {' | '.join(cells)} |")
    lines += [f"\nNot measured: {server} {reason}." for server, reason in result["not measured"].items()]
    lines.append(f"\nRequests per second, {_conditions(result)}.")
    return "\n".join(lines)


def latencies(result: dict[str, Any]) -> str:
    """Return the table of the times to an answer, p50 and p99 in ms."""
    lines = ["| | 1 connection | 16 connections | 128 connections |", "|---|---:|---:|---:|"]
    for server in result["servers"]:
        cells = [
            f"{_median(result, server, count, 'p50 ms'):.1f}, {_median(result, server, count, 'p99 ms'):.1f}"
            for count in ("1", "16", "128")
        ]
        lines.append(f"| {server} | {' | '.join(cells)} |")
    lines.append(f"\np50 and p99 in ms, {_conditions(result)}.")
    return "\n".join(lines)


def starts(result: dict[str, Any]) -> str:
    """Return the table of the starts, from the start of the process until it is ready."""
    lines = [
        "| | CPU | of the article's | time | resident after 1,000 requests |",
        "|---|---:|---:|---:|---:|",
    ]
    for server, turns in result["servers"].items():
        cpu, time, resident = (
            statistics.median(turn[name] for turn in turns)
            for name in ("CPU seconds to ready", "seconds to ready", "resident MB after 1000 requests")
        )
        share = start_ratio(result, server, "the article's way")
        lines.append(f"| {server} | {cpu:.2f} s | {share:.2f} | {time:.1f} s | {resident:,.0f} MB |")
    lines.append(f"\nMedians of {len(result['servers'][OURS])} starts, {result['machine']}, {result['date']}.")
    return "\n".join(lines)


def start_ratio(result: dict[str, Any], one: str, other: str) -> float:
    """Return the median of the ratios of the CPU time of two starts in the same round."""
    mine, theirs = ([float(turn["CPU seconds to ready"]) for turn in result["servers"][name]] for name in (one, other))
    return statistics.median(this / that for this, that in zip(mine, theirs, strict=True))


def turns_ratio(result: dict[str, Any], one: str, other: str, connections: str, name: str) -> float:
    """Return the median of the ratios of `requests` or `p99`, each of two servers in the same turn."""
    pairs = zip(result[connections][one], result[connections][other], strict=True)
    return statistics.median(float(mine[name]) / float(theirs[name]) for mine, theirs in pairs)


def ceiling(result: dict[str, Any]) -> str:
    """Return the table of this project beside what comes closest to it."""
    lines = ["| this project to | requests/s, 16 connections | 128 | p99, 16 connections | 128 |"]
    lines.append("|---|---:|---:|---:|---:|")
    for server in result["16"]:
        if server != OURS:
            cells = [
                f"{turns_ratio(result, OURS, server, connections, name):.2f}"
                for name in ("requests", "p99")
                for connections in ("16", "128")
            ]
            lines.append(f"| {server} | {' | '.join(cells)} |")
    lines.append(
        f"\nMedians of the ratios in {result['turns']} turns of a second; {result['loans']}; {result['machine']}, "
        f"{result['date']}."
    )
    return "\n".join(lines)


def layers(result: dict[str, Any]) -> str:
    """Return the table of what each layer adds to a request."""
    lines = ["| layer | µs of CPU |", "|---|---:|"]
    lines += [f"| {name} | {microseconds:.0f} |" for name, microseconds in result["layers"].items()]
    lines.append(f"\nThe least of {result['rounds']} rounds, {result['machine']}, {result['date']}.")
    return "\n".join(lines)


def model(result: dict[str, Any]) -> str:
    """Return the table of the model alone."""
    found = result["benchmarks"]
    one, ready = (found[f"one_loan_{who}"]["least seconds"] * 1e6 for who in ("model", "booster"))
    many = found["many_loans_model"]["times Booster.predict, in turns"]
    lines = [
        f"One loan, from the object of the schema to the answer: {one:.1f} µs, {one / ready:.2f} times the {ready:.1f} "
        f"µs of `Booster.predict` on a numpy row that is ready. 100,000 loans, from the data frame to the labels, all "
        f"cores: {many:.2f} times `Booster.predict` on the matrix.\n",
        "| loans | time for each | memory beside the data frame |",
        "|---:|---:|---:|",
    ]
    for name, figure in found.items():
        if name.startswith("number_of_loans"):
            count = int(name.partition("[")[2].rstrip("]"))
            lines.append(f"| {count:,} | {figure['least seconds'] / count * 1e6:.1f} µs | {figure['peak MB']:.1f} MB |")
    lines.append(f"\nThe least of the rounds, {result['machine']}, {result['date']}.")
    return "\n".join(lines)


def soak(result: dict[str, Any]) -> str:
    """Return what came of the soak."""
    return (
        f"{result['requests']:,} requests on {result['connections']} connections, {result['errors']} errors; the "
        f"memory grew by {result['growth in MB']} MB after the first 10,000 ({result['machine']}, {result['date']})."
    )


def _median(result: dict[str, Any], server: str, connections: str, name: str) -> float:
    return statistics.median(figures(result, server, connections, name))


def _conditions(result: dict[str, Any]) -> str:
    return (
        f"medians of {len(result['servers'][OURS])} rounds of {result['seconds']:.0f} s in turns; {result['loans']}; "
        f"{result['machine']}, Python {result['python']}, {result['date']}"
    )


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
