"""The model that says why: the answer for one loan, with the features that moved it most."""

from pydantic import BaseModel

from credit_risk_model.prediction.model import ScoringModel
from credit_risk_model.prediction.schemas import (
    CreditRiskExplanationModelInput,
    CreditRiskExplanationModelOutput,
    Direction,
    Reason,
)
from credit_risk_model.prediction.scorer import principal


class CreditRiskExplanationModel(ScoringModel):
    """Tells safe loans from risky ones, and what moved each."""

    display_name = "Credit Risk Explanation Model"
    qualified_name = "credit_risk_explanation_model"
    description = "Predicts whether a loan on the books is safe or risky, and tells how probably and why."
    input_schema = CreditRiskExplanationModelInput
    output_schema = CreditRiskExplanationModelOutput

    def predict(self, data: BaseModel) -> CreditRiskExplanationModelOutput:
        """Return the risk of one loan, its probability and its principal reasons.

        Raises:
            MLModelSchemaValidationException: `data` is not a `CreditRiskExplanationModelInput`.
        """
        self._check(data)
        loan, features = vars(data), self.features.features
        encoded = self.features.encode_loans([loan])
        probabilities = self._scorer.probabilities(encoded)
        [risk] = self._scorer.risks(probabilities)
        contributions = self._scorer.contributions(encoded)
        [positions] = principal(contributions, loan["number_of_reasons"])
        return CreditRiskExplanationModelOutput(
            credit_risk=risk,
            probability=probabilities[0],
            threshold=self._scorer.threshold,
            model_version=self._scorer.version,
            base_value=contributions[0, -1],
            reasons=[
                Reason(
                    feature=features[position].field,
                    name=features[position].label,
                    value=loan[features[position].field],
                    direction=Direction.RISKIER if contributions[0, position] > 0 else Direction.SAFER,
                    contribution=contributions[0, position],
                )
                for position in positions
                if contributions[0, position]  # a feature that no tree asks for moved nothing
            ],
        )
