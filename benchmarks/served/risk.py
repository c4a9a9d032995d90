"""The model as an engineer would write it for a server without `ml_base`: a numpy row, and one thread."""

import numpy as np

from benchmarks.served import faults
from credit_risk_model import artifact, features
from credit_risk_model.categories import CreditRisk
from credit_risk_model.prediction.loan import CreditRiskModelInput
from credit_risk_model.prediction.schemas import CreditRiskModelOutput

__all__ = ["CreditRiskModelInput", "CreditRiskModelOutput", "RiskModel"]


class RiskModel:
    """The shipped booster with its threshold."""

    def __init__(self) -> None:
        faults.loading()
        loaded = artifact.read(artifact.PACKAGED, features=features.LOAN.specification())
        self._booster, self._threshold = loaded.booster, loaded.threshold

    def predict(self, loan: CreditRiskModelInput) -> CreditRiskModelOutput:
        """Return the risk of one loan."""
        faults.predicting()
        probability = self._booster.predict(np.array([features.LOAN.encode_row(vars(loan))]), num_threads=1)[0]
        return CreditRiskModelOutput(
            credit_risk=CreditRisk.RISKY if probability >= self._threshold else CreditRisk.SAFE
        )
