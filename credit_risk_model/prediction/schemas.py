"""The schemas of requests and answers, as pydantic models that are built from the definition of the features."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AllowInfNan, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from credit_risk_model.categories import CreditRisk
from credit_risk_model.feature_set import Feature, FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK

_PROBABILITY = Field(description="Probability that the loan is risky, from 0 to 1.")


def _whole(value: object) -> object:
    # JSON has only one type of number, so 35000.0 is a valid integer. Pydantic's strict mode would refuse it.
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
    count = Field(strict=True, ge=1, le=len(features), description="The maximum number of reasons in the answer.")
    return create_model(
        name,
        __base__=loan,
        __doc__="One loan, as for a prediction, and the maximum number of reasons in the answer.",
        # More than four reasons are unlikely to help the reader: Regulation B of the United States (12 CFR 1002),
        # official interpretation of section 1002.9(b)(2), on notices of adverse action.
        number_of_reasons=(Annotated[int, count, BeforeValidator(_whole)], 4),
    )


def _batch(name: str, loan: Any) -> Any:
    return create_model(
        name,
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__="The loans of one batch.",
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
