"""The ceiling: a model that gives the same answer to every loan."""

from pydantic import BaseModel

from credit_risk_model.categories import CreditRisk
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import CreditRiskModelOutput

ANSWER = CreditRisk.SAFE


class Constant(CreditRiskModel):
    """Has the schemas of the model, but loads nothing."""

    def __init__(self) -> None:
        pass

    def self_check(self) -> None:
        """Do nothing, because this model has nothing to check."""

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the same answer for every loan."""
        return CreditRiskModelOutput(credit_risk=ANSWER)
