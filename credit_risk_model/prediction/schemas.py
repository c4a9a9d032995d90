"""The schemas of requests and answers, as pydantic models.

`features.py` has the ranges, descriptions and examples of the inputs. A test compares names and types.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AllowInfNan, BaseModel, BeforeValidator, ConfigDict, Field

from credit_risk_model.categories import (
    CreditRisk,
    EmploymentLength,
    HomeOwnership,
    LoanPurpose,
    Term,
    VerificationStatus,
)
from credit_risk_model.features import LOAN, ON_BOOK

_PROBABILITY = Field(description="Probability that the loan is risky, from 0 to 1.")
_FEATURES = {feature.field: feature for feature in ON_BOOK.features}


def _whole(value: object) -> object:
    # JSON has only one type of number, so 35000.0 is a valid integer. Pydantic's strict mode would refuse it.
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WHOLE = BeforeValidator(_whole)
_FINITE = AllowInfNan(False)


def _number(field: str) -> Any:
    """Return the range, the description and the example of a number."""
    feature = _FEATURES[field]
    return Field(
        strict=True,
        ge=feature.minimum,
        le=feature.maximum,
        description=feature.description,
        examples=[feature.example],
    )


def _category(field: str) -> Any:
    """Return the description and the example of a category."""
    return Field(description=_FEATURES[field].description, examples=[_FEATURES[field].example])


class _Loan(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    annual_income: Annotated[int, _number("annual_income"), _WHOLE]
    collections_in_last_12_months: Annotated[int, _number("collections_in_last_12_months"), _WHOLE]
    delinquencies_in_last_2_years: Annotated[int, _number("delinquencies_in_last_2_years"), _WHOLE]
    debt_to_income_ratio: Annotated[float, _number("debt_to_income_ratio"), _FINITE]
    employment_length: Annotated[EmploymentLength, _category("employment_length")]
    home_ownership: Annotated[HomeOwnership, _category("home_ownership")]
    number_of_delinquent_accounts: Annotated[int, _number("number_of_delinquent_accounts"), _WHOLE]
    interest_rate: Annotated[float, _number("interest_rate"), _FINITE]
    last_payment_amount: Annotated[float, _number("last_payment_amount"), _FINITE]
    loan_amount: Annotated[int, _number("loan_amount"), _WHOLE]
    derogatory_public_record_count: Annotated[int, _number("derogatory_public_record_count"), _WHOLE]
    loan_purpose: Annotated[LoanPurpose, _category("loan_purpose")]
    revolving_line_utilization_rate: Annotated[float, _number("revolving_line_utilization_rate"), _FINITE]
    term: Annotated[Term, _category("term")]
    total_payments_to_date: Annotated[float, _number("total_payments_to_date"), _FINITE]
    verification_status: Annotated[VerificationStatus, _category("verification_status")]


class CreditRiskModelInput(_Loan):
    """One loan: its terms, its borrower, and the payments made on it so far."""


class CreditRiskOnBookModelInput(_Loan):
    """One loan: its terms, its borrower, the payments made on it so far, and its age."""

    months_since_issue: Annotated[int, _number("months_since_issue"), _WHOLE]


# More than four reasons are unlikely to help the reader: Regulation B of the United States (12 CFR 1002), official
# interpretation of section 1002.9(b)(2), on notices of adverse action.
_REASONS = 4


def _reasons(most: int) -> Any:
    return Field(strict=True, ge=1, le=most, description="The maximum number of reasons in the answer.")


class CreditRiskExplanationModelInput(CreditRiskModelInput):
    """One loan, as for a prediction, and the maximum number of reasons in the answer."""

    number_of_reasons: Annotated[int, _reasons(len(LOAN)), _WHOLE] = _REASONS


class CreditRiskOnBookExplanationModelInput(CreditRiskOnBookModelInput):
    """One loan, as for a prediction, and the maximum number of reasons in the answer."""

    number_of_reasons: Annotated[int, _reasons(len(ON_BOOK)), _WHOLE] = _REASONS


_LOANS = Field(min_length=1, max_length=1_000, description="The loans, 1 to 1,000.")


class CreditRiskBatchModelInput(BaseModel):
    """The loans of one batch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loans: Annotated[list[CreditRiskModelInput], _LOANS]


class CreditRiskOnBookBatchModelInput(BaseModel):
    """The loans of one batch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loans: Annotated[list[CreditRiskOnBookModelInput], _LOANS]


class CreditRiskModelOutput(BaseModel):
    """The answer for one loan."""

    credit_risk: CreditRisk = Field(description="`risky` if the probability is at least the threshold of the model.")
    _probability: float | None = None

    @property
    def probability(self) -> float | None:
        """The probability that the loan is risky; not part of the answer."""
        return self._probability


class Direction(StrEnum):
    """Whether a feature made the loan riskier or safer than the average loan."""

    RISKIER = "riskier"
    SAFER = "safer"


class Reason(BaseModel):
    """A feature and its contribution to the prediction."""

    feature: str = Field(description="The field of the request.")
    name: str = Field(description="The name of the feature to show to people.")
    value: int | float | str = Field(description="The value of the feature in the request.")
    direction: Direction = Field(description="Whether the feature made the loan riskier or safer.")
    contribution: float = Field(description="The contribution to the log-odds of `risky`; below 0 is safer.")


class CreditRiskExplanationModelOutput(BaseModel):
    """The answer for one loan, with its reasons."""

    credit_risk: CreditRisk = Field(description="`risky` if the probability is at least the threshold.")
    probability: float = _PROBABILITY
    threshold: float = Field(description="The loan is risky if its probability is at least this value.")
    model_version: str = Field(
        description="The version of the code, and the first 12 digits of the artifact's SHA-256."
    )
    base_value: float = Field(
        description="The average log-odds in training. Its sum with all contributions is the log-odds of this loan."
    )
    reasons: list[Reason] = Field(description="The features with the largest contributions, the largest first.")


class ScoredLoan(BaseModel):
    """The answer for one loan of a batch."""

    credit_risk: CreditRisk = Field(description="`risky` if the probability is at least the threshold of the model.")
    probability: float = _PROBABILITY


class CreditRiskBatchModelOutput(BaseModel):
    """The answers for the loans of a batch."""

    loans: list[ScoredLoan] = Field(description="One answer per loan, in the order of the request.")
    _read: tuple[dict[str, Any], Any] | None = None  # the loans as the model has read them; not part of the answer
