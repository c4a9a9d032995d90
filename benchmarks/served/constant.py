"""The ceiling: a model that answers without looking."""

from pydantic import BaseModel

from credit_risk_model.categories import CreditRisk
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import CreditRiskModelOutput

ANSWER = CreditRisk.SAFE


class Constant(CreditRiskModel):
    """Has the schemas of the model, and nothing to load."""

    def __init__(self) -> None:
        pass

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the same answer for every loan."""
        return CreditRiskModelOutput(credit_risk=ANSWER)
