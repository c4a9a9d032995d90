"""The credit-risk model as `ml_base` and every service built on it want it."""

from pathlib import Path

from ml_base import MLModel
from ml_base.ml_model import MLModelSchemaValidationException
from pydantic import BaseModel

from credit_risk_model import __version__
from credit_risk_model.features import encode_loans
from credit_risk_model.prediction import scorer
from credit_risk_model.prediction.schemas import CreditRiskModelInput, CreditRiskModelOutput


class ScoringModel(MLModel):  # type: ignore[misc]  # ml_base ships no types
    """What the models have in common: the artifact, and the refusal of what is none of their input."""

    version = __version__

    def __init__(self, artifact_path: str | None = None, artifact_sha256: str | None = None) -> None:
        """Load the artifact at `artifact_path`, or the one that the package ships.

        Where `artifact_sha256` is given, the file must have this digest.

        Raises:
            ArtifactError: the artifact is missing, damaged, or made for other features or another LightGBM.
        """
        self._scorer = scorer.load(None if artifact_path is None else Path(artifact_path), artifact_sha256)

    def _check(self, data: BaseModel) -> None:
        if not isinstance(data, self.input_schema):
            raise MLModelSchemaValidationException(
                f"Expected a {self.input_schema.__name__}, got a {type(data).__name__}."
            )


class CreditRiskModel(ScoringModel):
    """Tells safe loans from risky ones."""

    display_name = "Credit Risk Model"
    qualified_name = "credit_risk_model"
    description = "Predicts whether a loan on the books is safe or risky."
    input_schema = CreditRiskModelInput
    output_schema = CreditRiskModelOutput

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the risk of one loan.

        Raises:
            MLModelSchemaValidationException: `data` is not a `CreditRiskModelInput`.
        """
        self._check(data)
        [risk] = self._scorer.risks(self._scorer.probabilities(encode_loans([vars(data)])))
        return CreditRiskModelOutput(credit_risk=risk)

    def probability(self, data: BaseModel) -> float:
        """Return the probability that the loan is risky, between 0 and 1."""
        return float(self._scorer.probabilities(encode_loans([vars(data)]))[0])
