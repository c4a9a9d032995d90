"""The model card: what the model may be used for, on what evidence, and where that ends.

Sections after Mitchell et al., Model Cards for Model Reporting (2019).
"""

from typing import Any

from credit_risk_model.features import FEATURES
from credit_risk_model.training import report


def text(metadata: dict[str, Any], evaluation: dict[str, Any]) -> str:
    """Return the card as Markdown, from the metadata of the artifact and the evaluation."""
    data = metadata["data"]
    return f"""# Model card: {metadata["model"]} {metadata["version"]}

## What it may be used for

This model **watches loans on the books. It does not decide on applications.** Two of its 16 inputs,
`last_payment_amount` and `total_payments_to_date`, are known only after a loan was granted, and they carry
{_share(evaluation):.0%} of the gain in its trees. What the same model is worth without them, beside others:

{_models(metadata)}

Out of scope: granting or pricing credit, loans of other lenders or other years, and any decision about a person that
nobody looks at.

## The model

LightGBM, gradient-boosted trees for binary classification; the classes are `safe` and `risky`. A loan is answered with
`risky` from a probability of {metadata["threshold"]:.3f}, the threshold with the best F1 on validation loans. When it
was chosen, the model had not seen them, and none of them is among the loans held back. A search on the loans learned
from found the hyperparameters:

{_code(metadata["hyperparameters"])}

Its inputs:

{_inputs()}

## The data

{data["source"]}.

- {data["steps"][0][1]:,} loans were read, {data["steps"][-1][1]:,} were left by the preparation.
- {data["risky_share"]:.1%} of those are risky: charged off, in default or late.
- {data["learned_from"]:,} were learned from, {data["held_back"]:,} held back, told apart by a hash of each loan.
- By year of issue, of the loans left: {_years(data)}.
- SHA-256 of the file: `{data["sha256"]}`.
- Loans with a missing value, and extreme ones, were dropped; the model has never seen such.
- The status of a loan is that on the day the file was made. A loan that was still being paid then counts as safe.
- No loan is part of this project or of this artifact.

## How good it is

On the {evaluation["loans"]:,} loans held back, with `risky` as the positive class:

{_headline(evaluation)}

The intervals are percentiles of resamples of these loans. `evaluation.html` has the curves, the calibration and the
results by purpose, term and year of issue; these groups differ most in average precision:

{_groups(evaluation)}

## Limits

- The figures hold for loans like these. Nothing is known of loans issued after 2015, or in another economy.
- No attribute that the law protects is among the inputs, and none is known for these loans: whether the model treats
  groups of people alike was not examined and cannot be with these data.
- Scores drift as the economy does. Compare the share of `risky` answers with that of losses, and train anew.

## How to repeat it

`make train DATA=<the file>` with the locked packages (Python {metadata["versions"]["python"]}, LightGBM
{metadata["versions"]["lightgbm"]}) gives the same model, byte for byte. Code and card are under the MIT licence.
"""


def _share(evaluation: dict[str, Any]) -> float:
    return sum(float(evaluation["importance"][name]["gain"]) for name in ("LastPaymentAmount", "TotalPaymentsToDate"))


def _years(data: dict[str, Any]) -> str:
    return ", ".join(f"{year} {count:,}" for year, count in data["years"].items())


def _inputs() -> str:
    return "\n".join(f"- `{feature.field}`: {feature.description}" for feature in FEATURES)


def _models(metadata: dict[str, Any]) -> str:
    rows = {"this model": metadata["metrics"], **metadata["compared"]}
    return _table(
        ["model", "precision", "recall", "F1", "ROC AUC", "average precision"],
        [
            [name, *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1", "roc_auc", "average_precision"))]
            for name, row in rows.items()
        ],
    )


def _headline(evaluation: dict[str, Any]) -> str:
    return _table(
        ["figure", "value", "95 % interval"],
        [
            [report.words(name), f"{value:.3f}", "{:.3f} to {:.3f}".format(*evaluation["intervals"][name])]
            for name, value in evaluation["metrics"].items()
        ],
    )


def _groups(evaluation: dict[str, Any]) -> str:
    # Of the groups of at least 100 loans; in smaller ones chance differs more than the groups do.
    rows = [
        (title, group, group["metrics"]["average_precision"])
        for title, groups in evaluation["groups"].items()
        for group in groups
        if group["metrics"] and group["loans"] >= 100
    ]
    rows.sort(key=lambda row: row[2])
    shown = rows if len(rows) <= 6 else rows[:3] + rows[-3:]
    return _table(
        ["group", "loans", "risky", "average precision"],
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
