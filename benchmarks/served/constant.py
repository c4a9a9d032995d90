"""The ceiling: a model that answers without looking."""

import time

from pydantic import BaseModel

from credit_risk_model.categories import CreditRisk
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import CreditRiskModelOutput

ANSWER = CreditRisk.SAFE


class Constant(CreditRiskModel):
    """Has the schemas of the model, and nothing to load."""

    def __init__(self) -> None:
        pass

    def self_check(self) -> None:
        """Do nothing: there is no artifact that could be wrong."""

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the same answer for every loan."""
        return CreditRiskModelOutput(credit_risk=ANSWER)


class Busy(Constant):
    """Computes for 20 µs, about as long as the trees, and touches no memory."""

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the same answer, later."""
        end = time.perf_counter_ns() + 20_000
        while time.perf_counter_ns() < end:
            pass
        return super().predict(data)
