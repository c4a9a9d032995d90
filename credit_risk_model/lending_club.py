"""The facts about Lending Club's file that the code needs, in addition to the inputs of the models.

For other loans, replace this module by one with the same names. docs/training.md describes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from credit_risk_model.categories import CreditRisk, HomeOwnership
from credit_risk_model.lending_club_book import INSTALLMENT, ISSUED, LAST_PAID, PAID, RECOVERIES

if TYPE_CHECKING:
    import pandas as pd

LENDER = "Lending Club"

# The column that tells how a loan ended or how it is doing, and the risk that follows from each of its values.
STATUS = "loan_status"
RISK_OF_STATUS = {
    "Charged Off": CreditRisk.RISKY,
    "Default": CreditRisk.RISKY,
    "Late (16-30 days)": CreditRisk.RISKY,
    "Late (31-120 days)": CreditRisk.RISKY,
    "Does not meet the credit policy. Status:Charged Off": CreditRisk.RISKY,
    "Current": CreditRisk.SAFE,
    "Fully Paid": CreditRisk.SAFE,
    "In Grace Period": CreditRisk.SAFE,
    "Issued": CreditRisk.SAFE,
    "Does not meet the credit policy. Status:Fully Paid": CreditRisk.SAFE,
}
RISK_MEANING = "risky if the loan was charged off, is in default or is late; otherwise safe"

# Columns that are read for the training, but are not inputs. The months get these names in the prepared loans; the
# year of issue is that of `IssueMonth`.
NUMBERS: tuple[str, ...] = (INSTALLMENT, PAID, RECOVERIES)
MONTHS: dict[str, str] = {ISSUED: "IssueMonth", LAST_PAID: "LastPaymentMonth"}
# A loan is dropped if another column is null.
MAY_BE_NULL: tuple[str, ...] = (ISSUED, PAID, RECOVERIES, LAST_PAID)

PER_CENT: tuple[str, ...] = ("int_rate", "dti", "revol_util")


def _term(text: str) -> str | None:
    match = re.fullmatch(r"(\d+)(?:\.0*)?(?: ?months?| ?mos?\.?)?", text)
    return f" {int(match[1])} months" if match else None


def _employment_length(text: str) -> str | None:
    match = re.fullmatch(r"(<?) ?(\d+)(?:\.0*)? ?(\+?)(?: ?years?| ?yrs?\.?)?", text)
    if match is None:
        return None
    years = int(match[2]) - bool(match[1])
    if years >= 10:  # one category
        return "10+ years"
    return ("< 1 year", "1 year")[years] if 0 <= years < 2 else f"{years} years"


# Inputs whose categories count months or years, which may be written in several ways. The functions get a text in lower
# case with single spaces, and return its category.
COUNTED: dict[str, Callable[[str], str | None]] = {"term": _term, "emp_length": _employment_length}
# Valid values that are too rare to train on.
NOT_TRAINED_ON: dict[str, tuple[str, ...]] = {"home_ownership": ("ANY", "NONE", "OTHER")}


def _within_3_standard_deviations(column: str) -> Callable[[pd.DataFrame], pd.Series[bool]]:
    def keep(loans: pd.DataFrame) -> pd.Series[bool]:
        values = loans[column]
        # The standard deviation of the population (ddof=0). A constant column has 0, and all its rows are kept.
        return (values - values.mean()).abs() <= 3 * values.std(ddof=0)

    return keep


def _at_most(maximum: float, *columns: str) -> Callable[[pd.DataFrame], pd.Series[bool]]:
    return lambda loans: (loans[list(columns)] <= maximum).all(axis=1)


# Loans that the training leaves out: the name of each step, and the rows that it keeps.
FILTERS: list[tuple[str, Callable[[pd.DataFrame], pd.Series[bool]]]] = [
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

# The evaluation groups prepared loans by the values of these columns.
GROUPS: dict[str, str] = {"status": STATUS, "purpose": "LoanPurpose", "term": "Term", "year of issue": "IssueYear"}
