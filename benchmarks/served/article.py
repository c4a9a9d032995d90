"""The article's way: each loan becomes a data frame of one row with categorical columns."""

import pandas as pd
from pydantic import BaseModel

from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import FEATURES
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import CreditRiskModelOutput


class Article(CreditRiskModel):
    """The model of this project, but it scores data frames."""

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the risk of one loan."""
        frame = pd.DataFrame(
            [[getattr(data, feature.field) for feature in FEATURES]], columns=[feature.name for feature in FEATURES]
        )
        for feature in FEATURES:
            if feature.categories:
                frame[feature.name] = frame[feature.name].astype("category")
        risky = self._scorer._booster.predict(frame)[0] >= self._scorer.threshold
        return CreditRiskModelOutput(credit_risk=CreditRisk.RISKY if risky else CreditRisk.SAFE)
