"""Writes the model card: what the model may be used for, the evidence, and the limits.

The sections follow Mitchell et al., Model Cards for Model Reporting (2019).
"""

from typing import Any

from credit_risk_model import months
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import ON_BOOK
from credit_risk_model.lending_club_book import BOOK_MONTH, LATE
from credit_risk_model.training import lending_club_words as words
from credit_risk_model.training import report
from credit_risk_model.training.comparison import LATER, LIVING, POPULATIONS
from credit_risk_model.training.validation import current_limit

_COLUMNS = ["risky_share", "mean_probability", *(["current_flagged"] if ON_BOOK else []), "precision", "recall", "f1",
            "average_precision", "calibration_error"]  # fmt: skip


def text(metadata: dict[str, Any], evaluation: dict[str, Any], features: FeatureSet) -> str:
    """Return the card as Markdown. `metadata` is that of the artifact."""
    data = metadata["data"]
    name = metadata["model"]
    constraints = f"\n{words.CONSTRAINTS[name]}\n" if words.CONSTRAINTS[name] else ""
    limits = words.LIMITS[name]
    if ON_BOOK:
        limits = limits.format(recall=_recall(evaluation), later=_later(evaluation))
    return f"""# Model card: {name} {metadata["version"]}

## What it may be used for

{words.USE[name]}

{_on_the_book(metadata, evaluation) if ON_BOOK else _on_loans_held_out(metadata, evaluation)}

## The model

The model consists of gradient-boosted trees (LightGBM) for binary classification. It answers
`risky` if the probability that the loan is risky is at least {metadata["threshold"]:.3f}, and `safe` otherwise. This is
{report.threshold_words()}.
The probabilities were calibrated on the same rows. Both steps used a model that was not trained on these rows, and the
rows held out are other rows. A search on the training rows found the hyperparameters:

{_code(metadata["hyperparameters"])}
{constraints}
The inputs are:

{_inputs(features)}

## The data

{data["source"]}.

- {data["steps"][0][1]:,} loans were read, and {data["steps"][-1][1]:,} are left after the preparation.
{_rows_of_the_book(data) if ON_BOOK else f"- The loans: {_counts(data['statuses'])}."}
- {data["risky_share"]:.1%} of the rows are risky: {words.RISKY}.
- {data["learned_from"]:,} rows were used for training, and {data["held_back"]:,} were held out. A hash of what was
  known when the loan was issued decides this{", so all views of a loan are on the same side" if ON_BOOK else ""}.
{_years(data)}- SHA-256 of the file: `{data["sha256"]}`.
{words.DATA}
- No loan is part of this project or of this artifact.
{_paragraph(words.VIEWS)}
## Limits

{_constant(data["constant"], features)}{limits}

## How to repeat it

`make train DATA=<the file>` with the locked packages (Python {metadata["versions"]["python"]}, LightGBM
{metadata["versions"]["lightgbm"]}) creates the same model, byte for byte. Code and card have the MIT licence.
"""


def _on_the_book(metadata: dict[str, Any], evaluation: dict[str, Any]) -> str:
    return f"""## On a book of living loans

{words.BOOK}

{_headline(evaluation)}

The intervals are percentiles over resamples of the loans. Each loan is drawn with all its views, which show it in
earlier months.

The next table shows, for each status, the share of rows that the model calls `risky`. For the statuses that count as
risky, this is the recall. The first two columns are the book. The last two are held-out loans as recorded, not
views: those that were being paid or late in {months.text(BOOK_MONTH)}:

{_statuses(evaluation)}

The next table compares models, on the book and on other populations. All of them were trained without the rows that
their threshold was chosen on:

{_compared(metadata)}

{_populations(evaluation)}

Most rows of the book are computed views, so most of the evidence is computed, too. Only loans that were recorded in
January 2016, or that had ended before, are as recorded.

`evaluation.html` has the curves, the calibration and the results by purpose, term and year of issue. These groups have
the lowest and the highest average precision (the year is that in which the real loan was issued):

{_groups(evaluation)}"""


def _on_loans_held_out(metadata: dict[str, Any], evaluation: dict[str, Any]) -> str:
    return f"""## On loans that were held out

{_headline(evaluation)}

The intervals are percentiles over resamples of the loans.

The next table compares models. All of them were trained without the rows that their threshold was chosen on:

{_compared(metadata)}

`evaluation.html` has the curves, the calibration and the results by group. These groups have the lowest and the highest
average precision:

{_groups(evaluation)}"""


def _rows_of_the_book(data: dict[str, Any]) -> str:
    return f"""\
- The book: {data["book"]}.
- The book has {data["rows"]:,} rows of {data["loans"]:,} loans: {_counts(data["statuses"])}."""


def _years(data: dict[str, Any]) -> str:
    return f"- The loans after the preparation by year of issue: {_counts(data['years'])}.\n" if data["years"] else ""


def _paragraph(text: str) -> str:
    return f"\n{text}\n" if text else ""


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _constant(names: list[str], features: FeatureSet) -> str:
    """Return a line about the inputs that the model could learn nothing about, if there are any."""
    fields = ", ".join(f"`{feature.field}`" for feature in features.features if feature.name in names)
    return (
        f"- **The model ignores {fields}**, because all loans of the training had the same value.\n" if fields else ""
    )


def _inputs(features: FeatureSet) -> str:
    return "\n".join(f"- `{feature.field}`: {feature.description}" for feature in features.features)


def _compared(metadata: dict[str, Any]) -> str:
    return _table(
        ["model", "on", *map(report.words, _COLUMNS)],
        [
            [model, population, *(f"{figures[population][name]:.3f}" for name in _COLUMNS)]
            for population in metadata["compared"]["this model"]
            for model, figures in metadata["compared"].items()
        ],
    )


def _populations(evaluation: dict[str, Any]) -> str:
    return "\n".join(f"- {population}: {POPULATIONS[population]}." for population in evaluation["populations"])


def _statuses(evaluation: dict[str, Any]) -> str:
    living = {group["group"]: group for group in evaluation["statuses_of_loans_being_paid"]}
    rows = []
    for group in evaluation["groups"]["status"]:
        seen = [group, living.get(group["group"])]
        cells = [
            [f"{each['loans']:,}", f"{each['flagged'] / each['loans']:.1%}"] if each else ["", ""] for each in seen
        ]
        rows.append([group["group"], *cells[0], *cells[1]])
    return _table(["status", "rows of the book", "called `risky`", "loans being paid", "called `risky`"], rows)


def _recall(evaluation: dict[str, Any]) -> str:
    groups = {group["group"]: group for group in evaluation["groups"]["status"]}
    shares = " and ".join(
        f"{groups[status]['flagged'] / groups[status]['loans']:.0%} of those with the status {status}"
        for status in LATE
        if status in groups
    )
    found = f"- Of the late loans of the book, it finds {shares}."
    if living := evaluation["populations"].get(LIVING):
        found += (
            f"\n- On the {living['loans']:,.0f} held-out loans that were being paid or late in "
            f"{months.text(BOOK_MONTH)}, as recorded, its average precision is {living['average_precision']:.3f} and "
            f"its F1 {living['f1']:.3f} ({living['risky_share']:.1%} of them are risky)."
        )
    return found


def _later(evaluation: dict[str, Any]) -> str:
    later = evaluation["populations"].get(LATER)
    if not later:
        return "- It was not measured on loans issued later than the loans of its training."
    limit = current_limit()
    within = "within" if later["current_flagged"] <= limit else "above"
    return (
        "- If it is trained on earlier loans, it calls "
        f"{later['current_flagged']:.1%} of the current loans issued later `risky`. This is {within} the limit of "
        f"{limit:.1%}, above which the training stops; that limit is checked on the book only."
    )


def _headline(evaluation: dict[str, Any]) -> str:
    return _table(
        ["figure", "value", "95 % interval"],
        [
            ["rows held out", f"{evaluation['loans']:,}", ""],
            *([["current loans called `risky`", f"{evaluation['current_flagged']:.3f}", ""]] if ON_BOOK else []),
        ]
        + [
            [report.words(name), f"{value:.3f}", "{:.3f} to {:.3f}".format(*evaluation["intervals"][name])]
            for name, value in evaluation["metrics"].items()
        ],
    )


def _groups(evaluation: dict[str, Any]) -> str:
    # Only groups of at least 100 rows: smaller groups differ mostly by chance.
    rows = [
        (title, group, group["metrics"]["average_precision"])
        for title, groups in evaluation["groups"].items()
        for group in groups
        if group["metrics"] and group["loans"] >= 100
    ]
    rows.sort(key=lambda row: row[2])
    shown = rows if len(rows) <= 6 else rows[:3] + rows[-3:]
    return _table(
        ["group", "rows", "risky", "average precision"],
        [
            [
                f"{title}: {group['group']}",
                f"{group['loans']:,}",
                f"{group['risky'] / group['loans']:.1%}",
                f"{score:.3f}",
            ]
            for title, group, score in shown
        ],
    )


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _code(values: dict[str, Any]) -> str:
    return "\n".join(f"    {name}: {value}" for name, value in values.items())
