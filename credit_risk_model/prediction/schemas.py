"""The schemas of requests and answers, as pydantic models."""

from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import LOAN
from credit_risk_model.prediction.fields import LOANS, REASONS, WHOLE, reasons
from credit_risk_model.prediction.loan import CreditRiskModelInput

_PROBABILITY = Field(description="Probability that the loan is risky, from 0 to 1.")


class CreditRiskExplanationModelInput(CreditRiskModelInput):
    """One loan, as for a prediction, and the maximum number of reasons in the answer."""

    number_of_reasons: Annotated[int, reasons(len(LOAN)), WHOLE] = min(REASONS, len(LOAN))


class CreditRiskBatchModelInput(BaseModel):
    """The loans of one batch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loans: Annotated[list[CreditRiskModelInput], LOANS]


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


class ReadLoans(NamedTuple):
    """The loans of a batch as the model has read them. All are equal, so that answers are compared by their loans."""

    columns: dict[str, Any]
    encoded: Any

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class CreditRiskBatchModelOutput(BaseModel):
    """The answers for the loans of a batch."""

    loans: list[ScoredLoan] = Field(description="One answer per loan, in the order of the request.")
    _read: ReadLoans | None = None  # not part of the answer
