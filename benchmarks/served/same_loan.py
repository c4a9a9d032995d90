"""The model with the same path through the trees in every prediction, which shows the cost of changing paths."""

from collections.abc import Sequence
from functools import cached_property

from pydantic import BaseModel

from credit_risk_model import features
from credit_risk_model.categories import CreditRisk
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import CreditRiskModelOutput


class SameLoan(CreditRiskModel):
    """Encodes each loan, but always scores the example of the documentation."""

    @cached_property
    def _row(self) -> Sequence[float]:
        return features.LOAN.encode_row(features.LOAN.example)

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the risk of the example."""
        features.LOAN.encode_row(vars(data))
        risky = self._scorer.probability(self._row) >= self._scorer.threshold
        return CreditRiskModelOutput(credit_risk=CreditRisk.RISKY if risky else CreditRisk.SAFE)
