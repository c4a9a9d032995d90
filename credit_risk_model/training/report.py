"""Creates the page of the evaluation, with tables and plots, which a browser shows without a network."""

import html
import io
import re
from collections.abc import Callable, Iterable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from credit_risk_model.features import ON_BOOK
from credit_risk_model.training import estimator
from credit_risk_model.training.comparison import POPULATIONS, Figures
from credit_risk_model.training.lending_club_words import LIMITS_OF_PAGES

BLUE, RED, GREY = "#1f5fa8", "#c8442b", "#8a8f98"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2026; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .3rem .8rem; border-bottom: 1px solid #dde1e6; }
td:not(:first-child), th:not(:first-child) { text-align: right; font-variant-numeric: tabular-nums; }
th { font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figure svg { width: 100%; height: auto; } figcaption { color: #555c66; font-size: .9rem; }
"""


def threshold_words() -> str:
    """Return a description of how the operating threshold was chosen."""
    if not ON_BOOK:
        return "the threshold with the best F1 on validation rows"
    return (
        "the threshold with the best F1 among those that call at most "
        f"{estimator.most_flagged():.1%} of the current loans risky, on validation rows of the book"
    )


def notice(name: str, data: dict[str, Any]) -> str:
    """Return an HTML paragraph that names the model of a page, the source of its loans, and the limits of its figures.

    `data` is the entry `data` of the artifact's metadata.
    """
    parts = {"Model": name, "Loans": data["source"], "Book": data["book"], "Limits": LIMITS_OF_PAGES}
    lines = (f"<b>{part}:</b> {html.escape(words)}" for part, words in parts.items())
    return f'<p style="margin: 1rem; font: 14px/1.5 system-ui, sans-serif">{"<br>".join(lines)}</p>'


def with_notice(page: bytes, notice: str) -> bytes:
    """Return a page of another library with the notice at its start.

    Raises:
        ValueError: the page has no body.
    """
    page, count = re.subn(rb"<body[^>]*>", lambda body: body[0] + notice.encode(), page, count=1)
    if not count:
        raise ValueError("The page has no body for the notice.")
    return page


def page(evaluation: dict[str, Any], compared: Figures, name: str, notice: str) -> bytes:
    """Return the page about the model `name`, with the notice at its start.

    `evaluation` is the result of `evaluation.evaluate`, with the figures of each population in `populations`.
    """
    threshold = evaluation["threshold"]
    rows = "rows of the book" if ON_BOOK else "rows"
    flagged = (
        f" The model calls {evaluation['current_flagged']:.1%} of the current held-out loans risky." if ON_BOOK else ""
    )
    figures = evaluation["metrics"]
    intervals = {name: f"{low:.3f} to {high:.3f}" for name, (low, high) in evaluation["intervals"].items()}
    names = ["precision", "recall", "f1", "roc_auc", "average_precision"]
    of_current = ["current_flagged"] if ON_BOOK else []
    of_books = ["risky_share", "mean_probability", *of_current, *names, "calibration_error"]
    body = [
        f"<h1>How good {html.escape(name)} is</h1>",
        notice,
        f"<p>Measured on {evaluation['loans']:,} held-out {rows}; {evaluation['risky']:,} of them are risky. "
        f"A loan is called <i>risky</i> if its probability is at least {threshold:.3f}. This is {threshold_words()}."
        f"{flagged}</p>",
        "<h2>Figures</h2>",
        table(
            ["figure", "value", "95 % interval"],
            [[words(name), f"{value:.3f}", intervals[name]] for name, value in figures.items()],
        ),
        "<p>The intervals come from resampling the held-out loans. They do not cover other kinds of loans.</p>",
        "<h2>Plots</h2>",
        '<div class="plots">',
        *(
            f"<figure>{svg(draw, evaluation, title)}<figcaption>{caption}</figcaption></figure>"
            for title, caption, draw in PLOTS
            if draw is not _years or _YEARS in evaluation["groups"]
        ),
        "</div>",
        "<h2>Compared with other models, on each population</h2>",
        "<p>For these tables, all models were trained without the rows that their threshold was chosen on.</p>",
        *(
            f"<h3>On {population}</h3><p>{POPULATIONS[population]}</p>"
            + table(
                ["model", *map(words, of_books)],
                [
                    [html.escape(model), *(f"{figures[population][name]:.3f}" for name in of_books)]
                    for model, figures in compared.items()
                ],
            )
            for population in evaluation["populations"]
        ),
        "<h2>By class</h2>",
        table(
            ["class", "precision", "recall", "F1", "rows"],
            [
                [name, *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1-score")), f"{row['support']:,.0f}"]
                for name, row in evaluation["classification_report"].items()
                if isinstance(row, dict)
            ],
        ),
    ]
    for title, groups in evaluation["groups"].items():
        body += [
            f"<h2>By {title}</h2>",
            table(
                [title, "rows", "risky", "called risky", *map(words, names)],
                [
                    [
                        html.escape(group["group"]),
                        f"{group['loans']:,}",
                        f"{group['risky'] / group['loans']:.1%}",
                        f"{group['flagged'] / group['loans']:.1%}",
                        *(f"{group['metrics'][name]:.3f}" if group["metrics"] else "" for name in names),
                    ]
                    for group in groups
                ],
            ),
        ]
    return document(f"Evaluation of {name}", body)


def document(title: str, body: Iterable[str]) -> bytes:
    """Return a whole page with these elements."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        + "\n".join(body)
        + "</body></html>\n"
    ).encode()


def svg(draw: Callable[[Axes, Any], None], data: Any, title: str, size: tuple[float, float] = (6.0, 4.2)) -> str:
    """Call `draw` with axes and `data`, and return the plot as an SVG element. Equal data give equal bytes."""
    with mpl.rc_context({"svg.hashsalt": title, "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        draw(axes, data)
        axes.set_title(title, loc="left", fontweight="bold")
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    return text[text.index("<svg") :]


def _roc(axes: Axes, evaluation: dict[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    axes.plot(evaluation["roc"]["false_positive_rate"], evaluation["roc"]["true_positive_rate"], color=BLUE)
    axes.set(xlabel="safe loans called risky", ylabel="risky loans found")
    axes.text(0.95, 0.05, f"area {evaluation['metrics']['roc_auc']:.3f}", ha="right")


def _precision_recall(axes: Axes, evaluation: dict[str, Any]) -> None:
    figures = evaluation["metrics"]
    axes.axhline(evaluation["risky"] / evaluation["loans"], color=GREY, linestyle="--", linewidth=1)
    axes.plot(evaluation["precision_recall"]["recall"], evaluation["precision_recall"]["precision"], color=BLUE)
    axes.plot(figures["recall"], figures["precision"], "o", color=RED)
    axes.set(xlabel="recall", ylabel="precision", ylim=(0, 1.05))
    axes.text(0.05, 0.05 + evaluation["risky"] / evaluation["loans"], f"area {figures['average_precision']:.3f}")


def draw_calibration(axes: Axes, evaluation: dict[str, Any]) -> None:
    """Draw the item `calibration`."""
    bins = evaluation["calibration"]
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    axes.plot([b["predicted"] for b in bins], [b["observed"] for b in bins], "o-", color=BLUE)
    for found in bins:
        axes.annotate(
            f"{found['loans']:,}",
            (found["predicted"], found["observed"]),
            xytext=(6, -12),
            textcoords="offset points",
            fontsize=8,
            color=GREY,
        )
    axes.set(xlabel="predicted probability (with number of loans)", ylabel="observed share of risky")


def _confusion(axes: Axes, evaluation: dict[str, Any]) -> None:
    rows = evaluation["confusion"]
    thresholds = [row["threshold"] for row in rows]
    axes.plot(thresholds, [row["true_risky"] for row in rows], color=BLUE, label="risky, found")
    axes.plot(thresholds, [row["false_safe"] for row in rows], color=RED, label="risky, missed")
    axes.plot(thresholds, [row["false_risky"] for row in rows], color=GREY, label="safe, called risky")
    axes.axvline(evaluation["threshold"], color="black", linestyle=":", linewidth=1)
    axes.set(xlabel="threshold", ylabel="loans", ylim=(0, None))
    axes.legend(frameon=False)


def _importance(axes: Axes, evaluation: dict[str, Any]) -> None:
    ordered = sorted(evaluation["importance"].items(), key=lambda item: item[1]["gain"])
    axes.barh([name for name, _ in ordered], [shares["gain"] for _, shares in ordered], color=BLUE)
    axes.tick_params(axis="y", labelsize=8)
    axes.set(xlabel="share of the gain")


_YEARS = "year of issue"


def _years(axes: Axes, evaluation: dict[str, Any]) -> None:
    years = [group for group in evaluation["groups"][_YEARS] if group["metrics"]]
    axes.bar([group["group"] for group in years], [g["metrics"]["average_precision"] for g in years], color=BLUE)
    axes.axhline(evaluation["metrics"]["average_precision"], color=GREY, linestyle="--", linewidth=1)
    for position, group in enumerate(years):
        axes.text(position, 0.02, f"{group['loans']:,}", ha="center", color="white", fontsize=8)
    axes.set(xlabel="year of issue (with number of loans)", ylabel="average precision", ylim=(0, 1))


# Title, caption and function of each plot of an evaluation.
PLOTS: list[tuple[str, str, Callable[[Axes, Any], None]]] = [
    (
        "ROC curve",
        "The share of risky loans that are found, and of safe loans that are called risky, for each threshold.",
        _roc,
    ),
    ("Precision and recall", "The dot is the operating threshold.", _precision_recall),
    (
        "Calibration",
        "On the line, the predicted probability equals the share of risky loans.",
        draw_calibration,
    ),
    ("Threshold", "The loans that each threshold finds and misses.", _confusion),
    ("Features", "The share of each input in the reduction of the loss in training.", _importance),
    ("Year of issue", "The dashed line is the average precision of all loans.", _years),
]


_WORDS = {
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "risky_share": "risky",
    "current_flagged": "current loans called risky",
}


def words(name: str) -> str:
    """Return the name of a figure to show to people."""
    return _WORDS.get(name, name.replace("_", " "))


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a table; the cells are HTML."""
    head = "".join(f"<th>{cell}</th>" for cell in header)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
