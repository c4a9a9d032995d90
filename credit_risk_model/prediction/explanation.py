"""The model that explains its answer: it returns the features that contributed most to the prediction."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel

from credit_risk_model.prediction.model import ScoringModel
from credit_risk_model.prediction.schemas import (
    CreditRiskExplanationModelInput,
    CreditRiskExplanationModelOutput,
    Direction,
    Reason,
)
from credit_risk_model.prediction.scorer import top_features
from credit_risk_model.prediction.self_check import compare

_EXPLAINED = 3  # loans of the self-check; each takes some milliseconds


class CreditRiskExplanationModel(ScoringModel):
    """Classifies a loan as safe or risky, and gives the reasons."""

    display_name = "Credit Risk Explanation Model"
    qualified_name = "credit_risk_explanation_model"
    description = "Predicts whether a loan on the books is safe or risky, with the probability and the reasons."
    input_schema: type[BaseModel] = CreditRiskExplanationModelInput
    output_schema = CreditRiskExplanationModelOutput

    def predict(self, data: BaseModel) -> CreditRiskExplanationModelOutput:
        """Return the risk of one loan, its probability and the strongest reasons.

        Raises:
            MLModelSchemaValidationException: `data` is not a `CreditRiskExplanationModelInput`.
        """
        self._check(data)
        loan, features = vars(data), self.features.features
        encoded = self.features.encode_loans([loan])
        probabilities = self._scorer.probabilities(encoded)
        [risk] = self._scorer.risks(probabilities)
        contributions = self._scorer.contributions(encoded)
        [positions] = top_features(contributions, loan["number_of_reasons"])
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
                if contributions[0, position]  # a feature that no tree uses contributes nothing
            ],
        )

    def _score(self, loans: Sequence[Mapping[str, Any]]) -> Sequence[float]:
        encoded = self.features.encode_loans([vars(self.input_schema.model_validate(loan)) for loan in loans])
        return cast(list[float], self._scorer.probabilities(encoded).tolist())

    def self_check(self) -> None:
        """Check the probabilities, and that the contributions of a few loans add up to their probability.

        Raises:
            ArtifactError: a probability, or a sum of contributions, differs by more than 1e-9.
        """
        super().self_check()
        found, expected = [], []
        for loan in self._scorer.self_check[:_EXPLAINED]:
            data = self.input_schema.model_validate({**loan.loan, "number_of_reasons": len(self.features)})
            answer = self.predict(data)
            log_odds = answer.base_value + sum(reason.contribution for reason in answer.reasons)
            found.append(0.5 + 0.5 * math.tanh(log_odds / 2))
            expected.append(answer.probability)
        compare(found, expected, "sum of contributions")
