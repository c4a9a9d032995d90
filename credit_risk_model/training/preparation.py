"""Prepares the published loans as rows for training, step by step."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from credit_risk_model import months
from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import FEATURES, LOAN
from credit_risk_model.lending_club import FILTERS, MAY_BE_NULL, MONTHS, NUMBERS, RISK_OF_STATUS, STATUS

RISK = "CreditRisk"
YEAR = "IssueYear"
ISSUE_MONTH = "IssueMonth"
LAST_MONTH = "LastPaymentMonth"


class PreparationError(Exception):
    """The loans cannot be prepared. The message names the step, or the column and the value."""


@dataclass(frozen=True)
class Step:
    """One step of the preparation, and the number of rows after it."""

    name: str
    rows: int


def prepare(loans: pd.DataFrame, report: Callable[[Step], None] = lambda step: None) -> tuple[pd.DataFrame, list[Step]]:
    """Return the loans for the training, with columns named like the features, and the steps of the preparation.

    Categories are categorical columns with all categories of their enum. `CreditRisk` is `safe` or `risky`. No model
    sees the other columns: the status, and those that `lending_club` names, with months as numbers (null if unknown).
    If `IssueMonth` is one of them, `IssueYear` is added. `report` is called after each step.

    Raises:
        PreparationError: a loan status or category is unknown, or no rows are left after a step.
    """
    steps: list[Step] = []

    def done(name: str) -> None:
        if loans.empty:
            raise PreparationError(f"No loans are left after the step {name!r}.")
        steps.append(Step(name, len(loans)))
        report(steps[-1])

    done("loans read")
    loans = loans.assign(**{RISK: risk(loans[STATUS]), STATUS: plain_statuses(loans[STATUS])})
    loans = loans.rename(columns={feature.column: feature.name for feature in FEATURES})
    done("loan status to safe or risky")
    loans = loans.dropna(subset=loans.columns.difference([*MAY_BE_NULL]))
    done("rows with a null dropped")
    for name, keep in FILTERS:
        loans = loans[keep(loans)]
        done(name)
    return _finished(loans), steps


def risk(status: pd.Series) -> pd.Series:
    """Return `safe` or `risky` for each status, as a categorical column.

    Raises:
        PreparationError: a status is unknown.
    """
    status = plain_statuses(status)
    unknown = sorted(set(status.dropna().unique()) - RISK_OF_STATUS.keys())
    if unknown:
        words = (
            f"The column {STATUS} has the unknown status {unknown[0]!r} in loan {_first(status, unknown[0])}; "
            f"known are {', '.join(map(repr, sorted(RISK_OF_STATUS)))}."
        )
        if _folded(unknown[0]).isdecimal():
            words += (
                " Numbers do not say which loans are risky: replace them by these words, or add them to RISK_OF_STATUS "
                "in credit_risk_model/lending_club.py."
            )
        raise PreparationError(words)
    return status.astype("object").map(RISK_OF_STATUS).astype(pd.CategoricalDtype([*CreditRisk]))


def plain_statuses(status: pd.Series) -> pd.Series:
    """Return the statuses with their usual spaces, case and numbers, as a categorical column; keep unknown ones."""
    known = {_folded(text): text for text in RISK_OF_STATUS}
    return (
        status.astype("object").map(lambda text: known.get(_folded(text), text), na_action="ignore").astype("category")
    )


def _folded(status: str) -> str:
    """Return what statuses in other spellings have in common: also "1", "1.0" and "true"."""
    text = re.sub(r"\s*:\s*", ":", " ".join(status.casefold().split()))
    number = re.fullmatch(r"(\d+)\.0*", text)
    return number[1] if number else {"true": "1", "false": "0"}.get(text, text)


def _finished(loans: pd.DataFrame) -> pd.DataFrame:
    for feature in FEATURES:
        if feature.categories:
            unknown = sorted(set(loans[feature.name].unique()) - set(feature.categories))
            if unknown:
                raise PreparationError(
                    f"The column {feature.column} has the unknown value {unknown[0]!r} in loan "
                    f"{_first(loans[feature.name], unknown[0])}; known are {', '.join(map(repr, feature.categories))}."
                )
            loans[feature.name] = loans[feature.name].cat.set_categories(feature.categories)
    for column, name in MONTHS.items():
        loans[name] = loans[column].astype("object").map(months.number, na_action="ignore").astype("float64")
    if ISSUE_MONTH in loans:
        loans[YEAR] = loans[ISSUE_MONTH] // 12
    kept = [*LOAN.names, RISK, YEAR, *MONTHS.values(), STATUS, *NUMBERS]
    return loans[[name for name in kept if name in loans]].reset_index(drop=True)


def _first(column: pd.Series, value: str) -> int:
    return int((column == value).idxmax()) + 1
