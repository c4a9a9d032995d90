"""The model for many loans in one request, which encodes and scores them as one matrix."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from credit_risk_model.prediction.model import ScoringModel
from credit_risk_model.prediction.schemas import CreditRiskBatchModelInput, CreditRiskBatchModelOutput, ReadLoans
from credit_risk_model.prediction.scorer import Matrix

_MANY = 50  # loans from which on the service counts arrays faster than tuples


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
        columns, encoded = self._read(data)
        probabilities = self._scorer.probabilities(encoded)
        risks = self._scorer.risks(probabilities)
        found = zip(risks, probabilities.tolist(), strict=True)
        loans = [{"credit_risk": risk, "probability": probability} for risk, probability in found]
        answer = CreditRiskBatchModelOutput.model_validate({"loans": loans})
        answer._read = ReadLoans(columns, encoded)
        return answer

    def observations(self, data: Any, answer: Any) -> tuple[Mapping[str, Any], Any, Any]:
        columns, encoded = answer._read or self._read(data)  # a decorator may make another answer
        if len(encoded) >= _MANY:
            columns = columns | self.features.numbers(encoded)
        return columns, [loan.probability for loan in answer.loans], [loan.credit_risk for loan in answer.loans]

    def _read(self, data: Any) -> tuple[dict[str, Any], Matrix]:
        """Return the values of each input, and the encoded loans."""
        columns = self.features.columns(map(vars, vars(data)["loans"]))
        return columns, self.features.encode_columns(columns)

    def _score(self, loans: Sequence[Mapping[str, Any]]) -> Sequence[float]:
        answer = self.predict(self.input_schema.model_validate({"loans": loans}))
        return [loan.probability for loan in answer.loans]
