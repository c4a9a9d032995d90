"""The figures as one page that a browser opens without a network."""

import html
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from credit_risk_model.monitoring.drift import FEWEST
from credit_risk_model.training.report import BLUE, GREY, RED, document, draw_calibration, svg, table, words

_SHIFTED = 0.25
_TICKS = 12
_OF_PERIODS = ("precision", "recall", "roc_auc", "average_precision", "calibration_error")
_CALIBRATION = "The share of loans that became risky, for each range of the probability. On the line, both are equal."
_PSI = f"From 0.1 on, values have changed; from {_SHIFTED} on, strongly."

# Title, caption, what draws, of which figures, and whether they are known.
_Plot = tuple[str, str, Callable[[Axes, Any], None], dict[str, Any], bool]


def page(summary: dict[str, Any]) -> bytes:
    """Return the page about a summary, as `outcomes.json` has it."""
    log, outcomes = summary["log"], summary["outcomes"]
    body = [
        "<h1>What became of the loans</h1>",
        f"<p>{log['lines']:,} lines of the log = {log['predictions']:,} predictions + {log['skipped']:,} skipped. "
        f"The outcome of {log['with_outcome']:,} predictions is known. {outcomes['rows']:,} rows of outcomes, "
        f"{outcomes['skipped']:,} skipped; {outcomes['unused']:,} loans have no prediction in the log.</p>",
        *(_skipped(of, part["reasons"]) for of, part in (("the log", log), ("the outcomes", outcomes))),
    ]
    for name, model in summary["models"].items():
        body += _model(name, model, summary["period"])
    return document("What became of the loans", body)


def _skipped(of: str, reasons: list[dict[str, Any]]) -> str:
    if not reasons:
        return ""
    rows = [[html.escape(each["reason"]), f"{each['rows']:,}", html.escape(each["first"])] for each in reasons]
    return f"<h2>Skipped in {of}</h2>" + table(["reason", "rows", "the first"], rows)


def _model(name: str, model: dict[str, Any], period: str) -> list[str]:
    versions = ", ".join(
        html.escape(f"{each['version'] or 'unknown'} with the artifact {each['artifact'][:12] or 'unknown'}")
        + f" ({each['predictions']:,})"
        for each in model["versions"]
    )
    drifted = model | {"periods": [each for each in model["periods"] if each["psi"]]}
    plots: list[_Plot] = [
        ("Risky answers and outcomes", "The shares of <i>risky</i>.", _draw_shares, model, True),
        ("Calibration", _CALIBRATION, draw_calibration, model, bool(model["calibration"])),
        ("Ranking", "How well the scores rank the loans.", _draw_ranks, model, bool(model["calibration"])),
        ("Drift", f"PSI against {model['reference']}. {_PSI}", _draw_drift, drifted, bool(drifted["periods"])),
    ]
    return [
        f"<h2>{html.escape(name)}</h2>",
        f"<p>{model['predictions']:,} predictions of the version {versions}. {_share(model['answered_risky'])} were "
        f"answered with <i>risky</i>. Of the {model['with_outcome']:,} with a known outcome, "
        f"{_share(model['became_risky'])} became risky.</p>",
        table(["figure", "value"], [[words(name), f"{value:.3f}"] for name, value in model["metrics"].items()]),
        '<div class="plots">',
        *(
            f"<figure>{svg(draw, data, title)}<figcaption>{caption}</figcaption></figure>"
            for title, caption, draw, data, is_known in plots
            if is_known
        ),
        "</div>",
        f"<h3>By {period}</h3>",
        f"<p>The PSI compares with {model['reference'] or 'nothing'}, and needs {FEWEST:,} predictions.</p>",
        table(
            [period, "loans", "answered risky", "became risky", *map(words, _OF_PERIODS), "PSI of the score"],
            [
                [
                    each["period"],
                    f"{each['predictions']:,}",
                    _share(each["answered_risky"]),
                    _share(each["became_risky"]),
                    *(_number(each["metrics"].get(name)) for name in _OF_PERIODS),
                    _number((each["psi"] or {}).get("score")),
                ]
                for each in model["periods"]
            ],
        ),
    ]


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _draw_shares(axes: Axes, model: dict[str, Any]) -> None:
    _draw_lines(axes, model, {"answered_risky": BLUE, "became_risky": RED})
    axes.set_ylim(bottom=0)


def _draw_ranks(axes: Axes, model: dict[str, Any]) -> None:
    flat = model | {"periods": [each | each["metrics"] for each in model["periods"]]}
    _draw_lines(axes, flat, {"roc_auc": GREY, "average_precision": BLUE})
    axes.set_ylim(0, 1)


def _draw_lines(axes: Axes, model: dict[str, Any], names: dict[str, str]) -> None:
    for name, colour in names.items():
        values = [np.nan if (value := each.get(name)) is None else value for each in model["periods"]]
        axes.plot(values, "o-", color=colour, label=words(name), markersize=4)
    axes.legend(frameon=False)
    _label_periods(axes, model)


def _draw_drift(axes: Axes, model: dict[str, Any]) -> None:
    names = list(model["periods"][0]["psi"])
    values = np.array([[each["psi"][name] for each in model["periods"]] for name in names])
    axes.imshow(values, cmap="OrRd", vmin=0, vmax=_SHIFTED, aspect="auto")
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=8)
    if len(model["periods"]) <= _TICKS:
        for (row, column), value in np.ndenumerate(values):
            colour = "white" if value > 0.6 * _SHIFTED else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=colour)
    _label_periods(axes, model)


def _label_periods(axes: Axes, model: dict[str, Any]) -> None:
    step = -(-len(model["periods"]) // _TICKS)
    labels = [each["period"] for each in model["periods"]]
    axes.set_xticks(range(0, len(labels), step), labels[::step], rotation=45, ha="right", fontsize=8)
