"""What a prediction takes and what it answers, as pydantic models built from the definition of the features."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AllowInfNan, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from credit_risk_model.categories import CreditRisk
from credit_risk_model.feature_set import Feature, FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK

_PROBABILITY = Field(description="Probability that the loan is risky, from 0 to 1.")


def _whole(value: object) -> object:
    # JSON has one kind of number: 35000.0 is an integer there, while pydantic's strict mode takes it for a float.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _annotation(feature: Feature) -> Any:
    words = Field(description=feature.description, examples=[feature.example])
    if feature.categories:
        return Annotated[feature.type, words]
    limits = Field(strict=True, ge=feature.minimum, le=feature.maximum)
    if feature.type is int:
        return Annotated[int, limits, BeforeValidator(_whole), words]
    return Annotated[float, limits, AllowInfNan(False), words]


def _loan(name: str, features: FeatureSet, words: str) -> Any:
    return create_model(
        name,
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__=words,
        **{feature.field: _annotation(feature) for feature in features.features},
    )


def _explained(name: str, loan: Any, features: FeatureSet) -> Any:
    count = Field(strict=True, ge=1, le=len(features), description="How many reasons to give, at most.")
    return create_model(
        name,
        __base__=loan,
        __doc__="One loan, as for a prediction, and how many reasons to give.",
        # More than four are not likely to help who is told them: Regulation B of the United States (12 CFR 1002),
        # official interpretation of section 1002.9(b)(2), on notices of adverse action.
        number_of_reasons=(Annotated[int, count, BeforeValidator(_whole)], 4),
    )


def _batch(name: str, loan: Any) -> Any:
    return create_model(
        name,
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__="Many loans.",
        loans=(list[loan], Field(min_length=1, max_length=1_000, description="The loans, 1 to 1,000.")),
    )


CreditRiskModelInput = _loan(
    "CreditRiskModelInput", LOAN, "One loan: its terms, its borrower, and the payments made on it so far."
)
CreditRiskExplanationModelInput = _explained("CreditRiskExplanationModelInput", CreditRiskModelInput, LOAN)
CreditRiskBatchModelInput = _batch("CreditRiskBatchModelInput", CreditRiskModelInput)

CreditRiskOnBookModelInput = _loan(
    "CreditRiskOnBookModelInput",
    ON_BOOK,
    "One loan: its terms, its borrower, the payments made on it so far, and its age.",
)
CreditRiskOnBookExplanationModelInput = _explained(
    "CreditRiskOnBookExplanationModelInput", CreditRiskOnBookModelInput, ON_BOOK
)
CreditRiskOnBookBatchModelInput = _batch("CreditRiskOnBookBatchModelInput", CreditRiskOnBookModelInput)


class CreditRiskModelOutput(BaseModel):
    """The answer for one loan."""

    credit_risk: CreditRisk = Field(description="`risky` if the loan will probably not be paid back in full.")


class Direction(StrEnum):
    """Where a feature moved a loan, from where loans are on average."""

    RISKIER = "riskier"
    SAFER = "safer"


class Reason(BaseModel):
    """A feature that moved the loan."""

    feature: str = Field(description="The field of the request.")
    name: str = Field(description="Its name for people.")
    value: int | float | str = Field(description="Its value in the request.")
    direction: Direction = Field(description="Whether it made the loan riskier or safer.")
    contribution: float = Field(description="What it added to the log-odds of `risky`; below 0 is safer.")


class CreditRiskExplanationModelOutput(BaseModel):
    """The answer for one loan, and what moved it."""

    credit_risk: CreditRisk = Field(description="`risky` if the probability is at least the threshold.")
    probability: float = _PROBABILITY
    threshold: float = Field(description="The probability from which on a loan is risky.")
    model_version: str = Field(description="The version of the code, and the start of the artifact's SHA-256.")
    base_value: float = Field(
        description="The log-odds before any feature; with all contributions they are those of the probability."
    )
    reasons: list[Reason] = Field(description="The features that moved this loan most, the strongest first.")


class ScoredLoan(BaseModel):
    """The answer for one of many loans."""

    credit_risk: CreditRisk = Field(description="`risky` if the loan will probably not be paid back in full.")
    probability: float = _PROBABILITY


class CreditRiskBatchModelOutput(BaseModel):
    """The answers for many loans."""

    loans: list[ScoredLoan] = Field(description="An answer for each loan, in the order of the request.")
