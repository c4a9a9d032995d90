"""What a prediction takes and what it answers, as pydantic models built from the definition of the features."""

from typing import Annotated, Any

from pydantic import AllowInfNan, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import FEATURES, Feature


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


CreditRiskModelInput = create_model(
    "CreditRiskModelInput",
    __config__=ConfigDict(extra="forbid", frozen=True),
    __doc__="One loan: its terms, its borrower, and the payments made on it so far.",
    **{feature.field: _annotation(feature) for feature in FEATURES},
)


class CreditRiskModelOutput(BaseModel):
    """The answer for one loan."""

    credit_risk: CreditRisk = Field(description="`risky` if the loan will probably not be paid back in full.")
