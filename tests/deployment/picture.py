"""Draws docs/dashboard.png: the panels of the dashboard, from the answers of a Prometheus on services under load.

Two pods get loans that look like those of the training. After half of the time, the loans change, and a third pod
replaces the first one. `make dashboard` draws it.
"""

import argparse
import math
import random
import re
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import loans, results
from credit_risk_model.features import ON_BOOK
from credit_risk_model.prediction.on_book import CreditRiskOnBookModelInput
from credit_risk_model.training import book, dataset, preparation
from tests.conftest import CONFIGURATION, ROOT, until
from tests.deployment.prometheus import PANELS, Prometheus, expression, repeating, scraping
from tests.service.process import Service, free_port, running

PICTURE = ROOT / "docs" / "dashboard.png"
MODEL = "credit_risk_on_book_model"
PATHS = ["credit_risk_on_book_model", "credit_risk_on_book_model", "credit_risk_on_book_batch_model"]
ROWS, STEP = 2_000, 2.0  # loans, and seconds between two points of a line
COLOURS = {"green": "#73bf69", "yellow": "#fade2a", "red": "#f2495c"}
UNITS: dict[str, Callable[[float], str]] = {
    "percentunit": lambda value: f"{value:.1%}",
    "s": lambda value: f"{value * 1e3:g} ms",
    "bytes": lambda value: f"{value / 2**20:.0f} MiB",
    "reqps": lambda value: f"{value:g}/s",
    "short": lambda value: f"{value:g}",
}


def requests(data: str | None) -> tuple[str, list[dict[str, Any]]]:
    """Return 'real' or 'synthetic', and loans with their ages in the format of a request."""
    real = preparation.prepare(dataset.read(Path(data), progress=False))[0] if data else None
    drawn = book.draw(loans.prepared(4 * ROWS) if real is None else real, ROWS, seed=0)
    found = [
        {
            feature.field: row[feature.name] if feature.categories else feature.type(row[feature.name])
            for feature in ON_BOOK.features
        }
        for row in drawn.to_dict("records")
    ]
    return "synthetic" if real is None else "real", [loan for loan in found if _is_valid(loan)]


def _is_valid(loan: dict[str, Any]) -> bool:
    try:
        CreditRiskOnBookModelInput(**loan)
    except ValueError:
        return False
    return True


def changed(loan: dict[str, Any]) -> dict[str, Any]:
    """Return the loan of a poorer borrower who pays more interest and has paid less."""
    change = {"annual_income": 0.4, "interest_rate": 1.3, "total_payments_to_date": 0.5}
    poorer = loan | {field: round(loan[field] * factor, 2) for field, factor in change.items()}
    return poorer if _is_valid(poorer) else loan


def load(pods: list[Service], loans_: list[dict[str, Any]]) -> AbstractContextManager[None]:
    """Request predictions from the pods in turn, about 40 times a second, some of them for many loans."""
    chosen = random.Random(0)

    def ask() -> None:
        path = chosen.choice(PATHS)
        loan = chosen.choice(loans_)
        body = {"loans": chosen.sample(loans_, chosen.randint(1, 200))} if "batch" in path else loan
        chosen.choice(pods).client.post(f"/api/models/{path}/prediction", json=body)

    return repeating(ask, every=0.025)


@contextmanager
def observed(
    folder: Path, configuration: Path, given: list[dict[str, Any]], seconds: float
) -> Iterator[tuple[Prometheus, float]]:
    """Yield the Prometheus that has watched the pods for this time, and when it started."""
    with ExitStack() as stack:
        reserved = stack.enter_context(socket.socket())  # until the third pod starts, no other process gets its port
        reserved.bind(("127.0.0.1", 0))
        ports = {"pod-a": free_port(), "pod-b": free_port(), "pod-c": reserved.getsockname()[1]}

        def start(name: str) -> Service:
            (folder / name).mkdir()
            environment = {"REST_METRICS_PORT": str(ports[name])}
            pod = stack.enter_context(running(folder / name, configuration, environment))
            until(lambda: pod.client.get("/api/health/ready").status_code == 200, "ready")
            return pod

        prometheus = stack.enter_context(scraping(folder, ports))
        begin = time.time()
        a, b = start("pod-a"), start("pod-b")
        with load([a, b], given):
            time.sleep(seconds / 2)
            reserved.close()
            c = start("pod-c")
        with load([b, c], [changed(loan) for loan in given]):
            a.signal(signal.SIGTERM)
            time.sleep(seconds / 2)
            yield prometheus, begin


Series = list[tuple[str, list[tuple[float, float]]]]


class Picture:
    """The panels on one page, at their places."""

    def __init__(self, prometheus: Prometheus, begin: float, caption: str) -> None:
        self._prometheus = prometheus
        self._begin = begin
        self._end = time.time()
        mpl.rcParams.update({"font.size": 7, "axes.spines.top": False, "axes.spines.right": False})
        rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in PANELS)
        self.figure = Figure(figsize=(14, rows * 0.38), dpi=110)
        self._rows = rows + 1
        self.figure.text(0.01, 0.004, caption)
        for panel in PANELS:
            self._draw(panel)

    def _draw(self, panel: dict[str, Any]) -> None:
        place = panel["gridPos"]
        left, width = place["x"] / 24, place["w"] / 24
        bottom, height = 1 - (place["y"] + place["h"]) / self._rows, place["h"] / self._rows
        many_names = panel["type"] in ("status-history", "bargauge")
        margin = 0.13 if many_names else 0.035
        axes = self.figure.add_axes((left + margin, bottom + 0.028, width - margin - 0.01, height - 0.05))
        axes.set_title(panel["title"], loc="left", fontweight="bold")
        draw = {
            "timeseries": self._lines,
            "status-history": self._heat_map,
            "bargauge": self._bars,
            "barchart": self._groups,
            "table": self._table,
            "stat": self._number,
        }[panel["type"]]
        draw(axes, panel)

    def _series(self, panel: dict[str, Any]) -> Series:
        """Return the name and the points of each line, in minutes since the start."""
        found: Series = []
        for target in panel["targets"]:
            query = {"query": expression(target, MODEL), "start": self._begin, "end": self._end, "step": STEP}
            for each in self._prometheus.get("query_range", **query)["result"]:
                points = [((moment - self._begin) / 60, float(value)) for moment, value in each["values"]]
                found.append((_name(target, each["metric"]), points))
        return found

    def _now(self, panel: dict[str, Any]) -> list[list[tuple[dict[str, str], float]]]:
        """Return the labels and values of each target."""
        queries = [expression(target, MODEL) for target in panel["targets"]]
        answers = [self._prometheus.query(query) for query in queries]
        return [[(each["metric"], float(each["value"][1])) for each in answer] for answer in answers]

    def _lines(self, axes: Axes, panel: dict[str, Any]) -> None:
        for name, points in self._series(panel):
            axes.plot(*zip(*points, strict=True), label=name, linewidth=1)
        defaults = panel["fieldConfig"]["defaults"]
        for step in defaults.get("thresholds", {"steps": []})["steps"]:
            if step["value"] is not None:
                axes.axhline(step["value"], color=COLOURS[step["color"]], linestyle="dashed", linewidth=1)
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, (self._end - self._begin) / 60)
        axes.yaxis.set_major_formatter(lambda value, _: UNITS[defaults["unit"]](value))
        axes.legend(fontsize=6, frameon=False)

    def _heat_map(self, axes: Axes, panel: dict[str, Any]) -> None:
        for name, points in sorted(self._series(panel), reverse=True):
            colours = [_colour(panel, name, value) for _, value in points]
            axes.barh(name, STEP / 60, left=[moment for moment, _ in points], height=0.9, color=colours)
        axes.set_xlim(0, (self._end - self._begin) / 60)
        axes.margins(y=0)

    def _bars(self, axes: Axes, panel: dict[str, Any]) -> None:
        [found] = self._now(panel)
        for labels, value in sorted(found, key=lambda each: each[1]):
            bar = axes.barh(labels["value"], value, color=_colour(panel, "", value))
            axes.bar_label(bar, fmt=" %.2f")

    def _groups(self, axes: Axes, panel: dict[str, Any]) -> None:
        for number, (target, found) in enumerate(zip(panel["targets"], self._now(panel), strict=True)):
            shares = sorted((float(labels["bin"]), value) for labels, value in found)
            places = [place + 0.4 * number for place in range(len(shares))]
            axes.bar(places, [value for _, value in shares], width=0.4, label=target["legendFormat"])
            axes.set_xticks(places, [f"{edge:g}" if math.isfinite(edge) else "1" for edge, _ in shares])
        axes.yaxis.set_major_formatter(lambda value, _: UNITS["percentunit"](value))
        axes.legend(fontsize=6, frameon=False)

    def _table(self, axes: Axes, panel: dict[str, Any]) -> None:
        [found] = self._now(panel)
        rows = [[m["model"], m["version"], m["digest"][:12] + "…", f"{count:g}"] for m, count in found]
        axes.axis("off")
        columns = ["model", "version", "digest", "pods"]
        table = axes.table(
            sorted(rows), colLabels=columns, colWidths=[0.5, 0.15, 0.25, 0.1], loc="upper left", cellLoc="left"
        )
        table.auto_set_font_size(False)

    def _number(self, axes: Axes, panel: dict[str, Any]) -> None:
        [[(_, value)]] = self._now(panel)
        axes.axis("off")
        axes.text(0, 0.5, f"{value:,.0f}", fontsize=24, va="center")


def _name(target: dict[str, Any], labels: dict[str, str]) -> str:
    name: str = target["legendFormat"]
    for label, value in labels.items():
        name = name.replace(f"{{{{{label}}}}}", value)
    return name


def _colour(panel: dict[str, Any], name: str, value: float) -> str:
    for override in panel["fieldConfig"]["overrides"]:
        if re.search(override["matcher"]["options"].strip("/"), name):
            return COLOURS[override["properties"][0]["value"]["fixedColor"]]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return COLOURS[[step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1]]


def main() -> None:
    """Run the services and Prometheus, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="a file of real loans; without it, the loans are synthetic")
    parser.add_argument("--configuration", type=Path, default=CONFIGURATION)
    parser.add_argument("--seconds", type=float, default=600)
    arguments = parser.parse_args()
    conditions = results.conditions()
    kind, given = requests(arguments.data)
    caption = (
        f"Drawn with matplotlib from the answers of Prometheus to the queries of the dashboard. {len(given):,} {kind} "
        f"loans, sent again and again; in the second half with lower incomes and payments, and more interest.\n"
        f"x axis: minutes. The rules ran every few seconds, and so counted each loan several times. "
        f"{conditions['machine']}, {conditions['date']}."
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        observed(Path(folder), arguments.configuration, given, arguments.seconds) as (prometheus, begin),
    ):
        Picture(prometheus, begin, caption).figure.savefig(PICTURE)


if __name__ == "__main__":
    main()
