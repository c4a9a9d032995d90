"""Prepares the published loans as rows for training, step by step."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from credit_risk_model import months
from credit_risk_model.categories import CreditRisk, HomeOwnership
from credit_risk_model.features import FEATURES, LOAN
from credit_risk_model.lending_club import (
    HISTORY,
    INSTALLMENT,
    ISSUED,
    LAST_PAID,
    PAID,
    RECOVERIES,
    RISK_OF_STATUS,
    STATUS,
)

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
    sees the other columns: `IssueYear`, the instalment, the status, and the history of payments with months as numbers
    (null if unknown). `report` is called after each step.

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
    loans = loans.dropna(subset=loans.columns.difference([*HISTORY]))
    done("rows with a null dropped")
    for name, keep in _FILTERS:
        loans = loans[keep(loans)]
        done(name)
    return _finished(loans), steps


def _within_3_standard_deviations(column: str) -> Callable[[pd.DataFrame], "pd.Series[bool]"]:
    def keep(loans: pd.DataFrame) -> "pd.Series[bool]":
        values = loans[column]
        # The standard deviation of the population (ddof=0). A constant column has 0, and all its rows are kept.
        return (values - values.mean()).abs() <= 3 * values.std(ddof=0)

    return keep


def _at_most(maximum: float, *columns: str) -> Callable[[pd.DataFrame], "pd.Series[bool]"]:
    return lambda loans: (loans[list(columns)] <= maximum).all(axis=1)


_FILTERS: list[tuple[str, Callable[[pd.DataFrame], "pd.Series[bool]"]]] = [
    ("annual income within 3 standard deviations", _within_3_standard_deviations("AnnualIncome")),
    ("debt-to-income ratio within 3 standard deviations", _within_3_standard_deviations("DebtToIncomeRatio")),
    ("at most 6 delinquent accounts", _at_most(6, "NumberOfDelinquentAccounts")),
    ("home rented, owned or mortgaged", lambda loans: loans["HomeOwnership"].isin([*HomeOwnership])),
    ("at most 5 collections", _at_most(5, "CollectionsInLast12Months")),
    (
        "at most 10 delinquencies and 10 public records",
        _at_most(10, "DelinquenciesInLast2Years", "DerogatoryPublicRecordCount"),
    ),
    ("revolving utilisation at most 100", _at_most(100, "RevolvingLineUtilizationRate")),
]


def risk(status: pd.Series) -> pd.Series:
    """Return `safe` or `risky` for each status, as a categorical column.

    Raises:
        PreparationError: a status is unknown.
    """
    status = plain_statuses(status)
    unknown = sorted(set(status.dropna().unique()) - RISK_OF_STATUS.keys())
    if unknown:
        raise PreparationError(
            f"The column {STATUS} has the unknown status {unknown[0]!r} in loan {_first(status, unknown[0])}; "
            f"known are {', '.join(map(repr, sorted(RISK_OF_STATUS)))}."
        )
    return status.astype("object").map(RISK_OF_STATUS).astype(pd.CategoricalDtype([*CreditRisk]))


def plain_statuses(status: pd.Series) -> pd.Series:
    """Return the statuses with their usual spaces and letter case, as a categorical column; keep unknown ones."""
    return (
        status.astype("object")
        .map(lambda text: _STATUSES.get(_folded(text), text), na_action="ignore")
        .astype("category")
    )


def _folded(status: str) -> str:
    return re.sub(r"\s*:\s*", ":", " ".join(status.casefold().split()))


_STATUSES = {_folded(status): status for status in RISK_OF_STATUS}


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
    for column, texts in ((ISSUE_MONTH, loans[ISSUED]), (LAST_MONTH, loans[LAST_PAID])):
        loans[column] = texts.astype("object").map(months.number, na_action="ignore").astype("float64")
    loans[YEAR] = loans[ISSUE_MONTH] // 12
    kept = [*LOAN.names, RISK, YEAR, ISSUE_MONTH, LAST_MONTH, STATUS, INSTALLMENT, PAID, RECOVERIES]
    return loans[kept].reset_index(drop=True)


def _first(column: pd.Series, value: str) -> int:
    return int((column == value).idxmax()) + 1
