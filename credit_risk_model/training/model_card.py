"""The model card: what the model may be used for, on what evidence, and where that ends.

Sections after Mitchell et al., Model Cards for Model Reporting (2019).
"""

from typing import Any

from credit_risk_model import months
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import ON_BOOK
from credit_risk_model.training import report
from credit_risk_model.training.book import MONTH
from credit_risk_model.training.comparison import LATER, LIVING, POPULATIONS
from credit_risk_model.training.validation import current_limit

LATE = ("Late (16-30 days)", "Late (31-120 days)", "Default")

_BOOK_COLUMNS = ["risky_share", "mean_probability", "current_flagged", "precision", "recall", "f1", "average_precision",
                 "calibration_error"]  # fmt: skip

_PURPOSE_OF_16 = """This model **watches loans on the books. It does not decide on applications.** Two of its 16 inputs,
`last_payment_amount` and `total_payments_to_date`, are known only after a loan was granted. It keeps the inputs of the
article that this project grew out of, and **does not know how old a loan is**: what a young loan and one that stopped
have paid is the same to it. Where the month of issue is known, use `credit_risk_on_book_model`, which asks for it."""

_PURPOSE_OF_17 = """This model **watches loans on the books. It does not decide on applications.** It is the one to use
for a book of living loans: next to the 16 inputs of `credit_risk_model` it takes the age of the loan,
`months_since_issue`, and so can tell a young loan from one that stopped paying."""

_LIMIT_OF_16 = """\
- **Do not use it to find the late ones among the loans that are being paid, nor to rank young loans**: on those of the
  last two years of the book it ranks hardly better than chance. Most of what it finds are loans that were charged off
  long ago. Use `credit_risk_on_book_model`.
{recall}
{later}
- The same 16 numbers mean other things in an old book and in a young one. The model is made for the book above; on
  the loans as the file has them, most of which ended long ago, it misses most of the risky ones."""

_LIMIT_OF_17 = """\
- **It finds few of the loans that are only some weeks late.** Most of what it finds was charged off before.
{recall}
- It says what state a loan is in, more than what will become of it: a loan that was paid on time until now is
  answered with `safe`, and some of those fail later.
{later}
- The age counts whole months up to the month of the payments. An age that is one month too high makes loans look as
  if they had missed a payment."""


def text(metadata: dict[str, Any], evaluation: dict[str, Any], features: FeatureSet) -> str:
    """Return the card as Markdown, from the metadata of the artifact and the evaluation."""
    data = metadata["data"]
    knows_age = features is ON_BOOK
    return f"""# Model card: {metadata["model"]} {metadata["version"]}

## What it may be used for

{_PURPOSE_OF_17 if knows_age else _PURPOSE_OF_16}

Out of scope: granting or pricing credit, loans of other lenders or other years, and any decision about a person that
nobody looks at.

## On a book of living loans

The figures below are those of **the book**: loans held out of the training, with the ages and statuses of Lending
Club's full file as published (887,379 loans issued 2007-2015, recorded in January 2016; 68 % of them current).

{_headline(evaluation)}

The intervals are percentiles of resamples of the loans, each with all its views. The share of the rows of each status
that is answered with `risky` (for the statuses that count as risky this is the recall), on the book and on the loans
held out that were really being paid or late when they were recorded in {months.text(MONTH)}:

{_statuses(evaluation)}

The same model on other populations, and other models on the same. For this table each model learned without the rows
that its threshold was chosen on:

{_compared(metadata)}

{_populations(evaluation)}

Most rows of the book are computed views, and so is most of the evidence: only loans that were recorded in January 2016,
or ended before, are as recorded. `evaluation.html` has the curves, the calibration and the results by purpose, term and
year of issue; these groups differ most in average precision (the year is that in which the real loan was issued):

{_groups(evaluation)}

## The model

LightGBM, gradient-boosted trees for binary classification; the classes are `safe` and `risky`. A loan is answered with
`risky` from a probability of {metadata["threshold"]:.3f}, {report.threshold_words()};
the probabilities were calibrated on the same rows. The model that both were chosen with had not seen these rows,
and none of them is among the loans held out. A search on the rows learned from found the hyperparameters:

{_code(metadata["hyperparameters"])}
{_MONOTONE if knows_age else ""}
Its inputs:

{_inputs(features)}

## The data

{data["source"]}.

- {data["steps"][0][1]:,} loans were read, {data["steps"][-1][1]:,} were left by the preparation.
- How they became a book: {data["book"]}.
- The book has {data["rows"]:,} rows of {data["loans"]:,} loans: {_counts(data["statuses"])}.
- {data["risky_share"]:.1%} of the rows are risky: charged off, in default or late.
- {data["learned_from"]:,} rows were learned from, {data["held_back"]:,} held out, chosen by a hash of what was known of
  each loan when it was issued: all views of a loan lie on one side.
- By year of issue, of the loans left: {_counts(data["years"])}.
- SHA-256 of the file: `{data["sha256"]}`.
- Loans with a missing value, and extreme ones, were dropped; the model has never seen such.
- A loan that is being paid counts as safe: nobody knows yet how it ends.
- No loan is part of this project or of this artifact.

A view is the loan as of an earlier month. A loan that is paid as agreed has paid its instalment each month; one that
failed did so until it stopped; one that was paid back early did so until its closing payment. `training/views.py` has
the formulas.

## Limits

{(_LIMIT_OF_17 if knows_age else _LIMIT_OF_16).format(recall=_recall(evaluation), later=_later(evaluation))}
- The figures hold for books like this one. Nothing is known of loans issued after 2015, or in another economy.
- No attribute that the law protects is among the inputs, and none is known for these loans: whether the model treats
  groups of people alike was not examined and cannot be with these data.
- Scores drift as the economy does. Compare the share of `risky` answers with that of losses, and train again.

## How to repeat it

`make train DATA=<the file>` with the locked packages (Python {metadata["versions"]["python"]}, LightGBM
{metadata["versions"]["lightgbm"]}) gives the same model, byte for byte. Code and card are under the MIT licence.
"""


_MONOTONE = """
At the same age and with all else the same, a loan that has paid more is never answered with a higher probability, and
one with a higher interest rate never with a lower one: the trees are built under these two constraints.
"""


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _inputs(features: FeatureSet) -> str:
    return "\n".join(f"- `{feature.field}`: {feature.description}" for feature in features.features)


def _compared(metadata: dict[str, Any]) -> str:
    return _table(
        ["model", "on", *map(report.words, _BOOK_COLUMNS)],
        [
            [model, population, *(f"{figures[population][name]:.3f}" for name in _BOOK_COLUMNS)]
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
    return _table(["status", "rows of the book", "answered `risky`", "loans being paid", "answered `risky`"], rows)


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
            f"\n- On the {living['loans']:,.0f} loans held out that were being paid or late in {months.text(MONTH)}, "
            f"as recorded, its average precision is {living['average_precision']:.3f} and its F1 {living['f1']:.3f} "
            f"({living['risky_share']:.1%} of them are risky)."
        )
    return found


def _later(evaluation: dict[str, Any]) -> str:
    later = evaluation["populations"].get(LATER)
    if not later:
        return "- It was not judged on loans issued later than those that it learned from."
    limit = current_limit()
    within = "within" if later["current_flagged"] <= limit else "above"
    return (
        "- On loans issued later than those learned from, it answers "
        f"{later['current_flagged']:.1%} of the current loans with `risky`. This is {within} the limit of {limit:.1%} "
        "at which a packaging stops; the limit is checked on the book only."
    )


def _headline(evaluation: dict[str, Any]) -> str:
    return _table(
        ["figure", "value", "95 % interval"],
        [
            ["rows held out", f"{evaluation['loans']:,}", ""],
            ["current loans answered with `risky`", f"{evaluation['current_flagged']:.3f}", ""],
        ]
        + [
            [report.words(name), f"{value:.3f}", "{:.3f} to {:.3f}".format(*evaluation["intervals"][name])]
            for name, value in evaluation["metrics"].items()
        ],
    )


def _groups(evaluation: dict[str, Any]) -> str:
    # Of the groups of at least 100 rows; in smaller ones chance differs more than the groups do.
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
