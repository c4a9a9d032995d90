"""Generates the table and the picture of docs/health-bench.md from what `make health-bench` recorded."""

import textwrap
from pathlib import Path
from typing import Any

from benchmarks.results import read
from docs.tables.figure import drawing

_COLOURS = {True: "#c7e9c0", False: "#fcbba1", None: "#eeeeee"}
_ANSWERS = {True: "told the truth", False: "**lied**", None: "not run"}
_NOT_RUN = {"truth": None, "words": "not run"}


def _rows() -> tuple[list[str], dict[str, dict[str, Any]]]:
    servers = read("health")["servers"]
    names = list(dict.fromkeys(name for found in servers.values() for name in found["scenarios"]))
    return names, {server: found["scenarios"] for server, found in servers.items()}


def truth() -> str:
    """Return the table: who tells the truth in which scenario."""
    names, rows = _rows()
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for server, scenarios in rows.items():
        found = [scenarios.get(name, _NOT_RUN) for name in names]
        cells = ["not run" if each is _NOT_RUN else f"{_ANSWERS[each['truth']]}: {each['words']}" for each in found]
        lines.append(f"| {server} | {' | '.join(cells)} |")
    recorded = read("health")
    times = recorded["times in seconds"]
    lines.append(
        f"\nSlow load {times['load']} s, failed load {times['failed']} s, overload {times['overload']} s, hang "
        f"{times['hang']} s, idle for {', '.join(map(str, times['idle']))} s; "
        f"{recorded['machine']}, {recorded['date']}."
    )
    return "\n".join(lines)


def paths() -> str:
    """Return the table of the servers: their packages, and the paths of their probes."""
    lines = ["| | packages | startup | readiness | liveness |", "|---|---|---|---|---|"]
    for server, found in read("health")["servers"].items():
        cells = [f"`{path}`" if path else "no such probe" for path in found["paths"].values()]
        pins = f"`{found['pins'].replace(' ', '`, `')}`" if found["pins"] else "those of this project"
        lines.append(f"| [{server}]({found['documented']}) | {pins} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(path: Path) -> None:
    """Draw the table with a colour for each answer."""
    from matplotlib import patches  # its import takes a second, which the tables do not need

    names, rows = _rows()
    with drawing(path, 1.6 * len(names) + 2, 0.75 * len(rows) + 0.6) as axes:
        for y, scenarios in enumerate(rows.values()):
            for x, name in enumerate(names):
                found = scenarios.get(name, _NOT_RUN)
                axes.add_patch(patches.Rectangle((x, y), 1, 1, facecolor=_COLOURS[found["truth"]], edgecolor="white"))
                words = "\n".join(textwrap.wrap(found["words"], 24)[:4])
                axes.text(x + 0.5, y + 0.5, words, ha="center", va="center", fontsize=6.5)
        axes.set(xlim=(0, len(names)), ylim=(len(rows), 0))
        axes.set_xticks([x + 0.5 for x in range(len(names))], names)
        axes.set_yticks([y + 0.5 for y in range(len(rows))], list(rows))
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
