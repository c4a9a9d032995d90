"""The 16 inputs of the model: what each is called, what it may hold, and how it becomes a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from credit_risk_model.categories import (
    EmploymentLength,
    HomeOwnership,
    LoanPurpose,
    Term,
    VerificationStatus,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """One input of the model.

    `field` is its name in a request, `name` in the model, `column` in Lending Club's files. `type` is `int`, `float`,
    or the enum of its categories; numbers lie between `minimum` and `maximum`, both included.
    """

    field: str
    name: str
    column: str
    type: type[int] | type[float] | type[StrEnum]
    minimum: float | None = None
    maximum: float | None = None
    description: str
    example: Any

    @property
    def label(self) -> str:
        """Its name for people."""
        return self.field.replace("_", " ").capitalize()

    @property
    def categories(self) -> list[str] | None:
        """The categories in the order of their codes, or None for a number."""
        return [category.value for category in self.type] if issubclass(self.type, StrEnum) else None


FEATURES = (
    Feature(
        field="annual_income",
        name="AnnualIncome",
        column="annual_inc",
        type=int,
        minimum=1_896,
        maximum=273_000,
        description="Yearly income in US dollars, as the borrower stated it.",
        example=52_000,
    ),
    Feature(
        field="collections_in_last_12_months",
        name="CollectionsInLast12Months",
        column="collections_12_mths_ex_med",
        type=int,
        minimum=0,
        maximum=20,
        description="Debts handed to a collector within the last 12 months, medical ones left out.",
        example=0,
    ),
    Feature(
        field="delinquencies_in_last_2_years",
        name="DelinquenciesInLast2Years",
        column="delinq_2yrs",
        type=int,
        minimum=0,
        maximum=39,
        description="Times within the last 2 years that a payment was 30 days late or more.",
        example=0,
    ),
    Feature(
        field="debt_to_income_ratio",
        name="DebtToIncomeRatio",
        column="dti",
        type=float,
        minimum=0.0,
        maximum=42.64,
        description="Monthly payments on all debts but a mortgage and this loan, in per cent of the monthly income.",
        example=17.4,
    ),
    Feature(
        field="employment_length",
        name="EmploymentLength",
        column="emp_length",
        type=EmploymentLength,
        description="Full years of employment.",
        example="4 years",
    ),
    Feature(
        field="home_ownership",
        name="HomeOwnership",
        column="home_ownership",
        type=HomeOwnership,
        description="Whether the borrower's home is mortgaged, rented or owned.",
        example="RENT",
    ),
    Feature(
        field="number_of_delinquent_accounts",
        name="NumberOfDelinquentAccounts",
        column="acc_now_delinq",
        type=int,
        minimum=0,
        maximum=6,
        description="Accounts on which the borrower is behind with payments now.",
        example=0,
    ),
    Feature(
        field="interest_rate",
        name="InterestRate",
        column="int_rate",
        type=float,
        minimum=5.32,
        maximum=28.99,
        description="Yearly interest rate of the loan in per cent.",
        example=13.35,
    ),
    Feature(
        field="last_payment_amount",
        name="LastPaymentAmount",
        column="last_pymnt_amnt",
        type=float,
        minimum=0.0,
        maximum=36_475.59,
        description="The latest payment received on this loan, in US dollars.",
        example=406.4,
    ),
    Feature(
        field="loan_amount",
        name="LoanAmount",
        column="loan_amnt",
        type=int,
        minimum=500,
        maximum=35_000,
        description="Amount of the loan in US dollars.",
        example=12_000,
    ),
    Feature(
        field="derogatory_public_record_count",
        name="DerogatoryPublicRecordCount",
        column="pub_rec",
        type=int,
        minimum=0,
        maximum=86,
        description="Bankruptcies, tax liens, judgements and the like on public record.",
        example=0,
    ),
    Feature(
        field="loan_purpose",
        name="LoanPurpose",
        column="purpose",
        type=LoanPurpose,
        description="What the money is for.",
        example="debt_consolidation",
    ),
    Feature(
        field="revolving_line_utilization_rate",
        name="RevolvingLineUtilizationRate",
        column="revol_util",
        type=float,
        minimum=0.0,
        maximum=892.3,
        description="Revolving credit in use, in per cent of the revolving credit granted.",
        example=61.8,
    ),
    Feature(
        field="term",
        name="Term",
        column="term",
        type=Term,
        description="Number of monthly payments; the value starts with a space.",
        example=" 36 months",
    ),
    Feature(
        field="total_payments_to_date",
        name="TotalPaymentsToDate",
        column="total_pymnt_inv",
        type=float,
        minimum=0.0,
        maximum=57_777.58,
        description="All payments received so far on the part that investors funded, in US dollars.",
        example=13_411.2,
    ),
    Feature(
        field="verification_status",
        name="VerificationStatus",
        column="verification_status",
        type=VerificationStatus,
        description="Whether the stated income was confirmed.",
        example="Verified",
    ),
)

FEATURE_NAMES = [feature.name for feature in FEATURES]

EXAMPLE = {feature.field: feature.example for feature in FEATURES}  # the loan of the documentation

_CODES = [
    (feature.field, {category: float(code) for code, category in enumerate(feature.categories or [])})
    for feature in FEATURES
]
_VALUES = itemgetter(*(field for field, _ in _CODES))


def specification() -> list[dict[str, Any]]:
    """Names, order and categories of the features as an artifact's metadata records them."""
    return [{"name": feature.name, "categories": feature.categories} for feature in FEATURES]


def encode_row(loan: Mapping[str, Any]) -> list[float]:
    """Return the loan, given by the names of the request, as the 16 numbers that the model takes.

    A category becomes its position in its enum, which is the code that LightGBM gave it in training.

    Raises:
        KeyError: a field is missing, or a category is not in its enum.
    """
    return [codes[loan[field]] if codes else loan[field] for field, codes in _CODES]


def encode_loans(loans: Iterable[Mapping[str, Any]]) -> NDArray[np.float64]:
    """Return the rows of `n` loans, one at least, as a matrix of shape (n, 16).

    Raises:
        KeyError: a field is missing, or a category is not in its enum.
    """
    columns = zip(*map(_VALUES, loans), strict=True)
    encoded = [
        [codes[category] for category in column] if codes else column
        for column, (_, codes) in zip(columns, _CODES, strict=True)
    ]
    return np.array(encoded, dtype=np.float64).T


def encode_batch(loans: pa.RecordBatch) -> NDArray[np.float64]:
    """Return `n` loans, in columns of texts and float64 by the names of the request, as a matrix of shape (n, 16).

    What is null, or a category that is not in its enum, becomes nan.
    """
    matrix = np.empty((len(FEATURES), loans.num_rows)).T  # column by column, as it is filled
    for position, (field, codes) in enumerate(_CODES):
        column = loans.column(field)
        if codes:
            found = column.dictionary_encode()
            known = [codes.get(category, np.nan) for category in found.dictionary.to_pylist()]
            matrix[:, position] = np.array([*known, np.nan])[found.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        else:
            matrix[:, position] = column.to_numpy(zero_copy_only=False)
    return matrix


def encode_frame(loans: pd.DataFrame) -> NDArray[np.float64]:
    """Return `n` prepared loans (numbers, and categories as categorical columns) as a matrix of shape (n, 16)."""
    columns = [loans[feature.name].cat.codes if feature.categories else loans[feature.name] for feature in FEATURES]
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
