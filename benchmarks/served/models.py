"""The model of the project with the faults of the health-check test, and one that predicts nothing."""

from typing import Any

from pydantic import BaseModel

from benchmarks.served import faults
from credit_risk_model.categories import CreditRisk
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import CreditRiskModelOutput


class Faulty(CreditRiskModel):
    """Loads slowly, fails to load, or hangs."""

    def __init__(self, **settings: Any) -> None:
        faults.loading()
        super().__init__(**settings)

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the risk of one loan."""
        faults.predicting()
        return super().predict(data)


class Constant(CreditRiskModel):
    """The ceiling: loads nothing, and gives the same answer to every loan."""

    def __init__(self) -> None:
        pass

    def self_check(self) -> None:
        """Do nothing, because there is no artifact to check."""

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the same answer for every loan."""
        return CreditRiskModelOutput(credit_risk=CreditRisk.SAFE)
