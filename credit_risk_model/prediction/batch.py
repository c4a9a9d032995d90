"""The model for many loans in one request, which encodes and scores them as one matrix."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from credit_risk_model.prediction.model import ScoringModel
from credit_risk_model.prediction.schemas import CreditRiskBatchModelInput, CreditRiskBatchModelOutput


class CreditRiskBatchModel(ScoringModel):
    """Classifies up to 1,000 loans in one request as safe or risky."""

    display_name = "Credit Risk Batch Model"
    qualified_name = "credit_risk_batch_model"
    description = "Predicts for each of up to 1,000 loans on the books whether it is safe or risky."
    input_schema: type[BaseModel] = CreditRiskBatchModelInput
    output_schema = CreditRiskBatchModelOutput

    def predict(self, data: BaseModel) -> CreditRiskBatchModelOutput:
        """Return the risk and the probability of each loan, in the order of the request.

        Raises:
            MLModelSchemaValidationException: `data` is not a `CreditRiskBatchModelInput`.
        """
        self._check(data)
        probabilities = self._scorer.probabilities(self.features.encode_loans(map(vars, vars(data)["loans"])))
        risks = self._scorer.risks(probabilities)
        found = zip(risks, probabilities.tolist(), strict=True)
        loans = [{"credit_risk": risk, "probability": probability} for risk, probability in found]
        return CreditRiskBatchModelOutput.model_validate({"loans": loans})

    def observations(self, data: Any, answer: Any) -> list[tuple[Mapping[str, Any], float | None, str]]:
        return [
            (vars(loan), scored.probability, scored.credit_risk)
            for loan, scored in zip(data.loans, answer.loans, strict=True)
        ]

    def _score(self, loans: Sequence[Mapping[str, Any]]) -> Sequence[float]:
        answer = self.predict(self.input_schema.model_validate({"loans": loans}))
        return [loan.probability for loan in answer.loans]
