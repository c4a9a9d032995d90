"""The credit-risk model as `ml_base` and every service built on it want it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ml_base import MLModel
from ml_base.ml_model import MLModelSchemaValidationException
from numpy.typing import NDArray
from pydantic import BaseModel

from credit_risk_model import __version__
from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import LOAN
from credit_risk_model.prediction import scorer
from credit_risk_model.prediction.schemas import CreditRiskModelInput, CreditRiskModelOutput

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 50_000  # loans, 6.4 MB as a matrix


class ScoringModel(MLModel):  # type: ignore[misc]  # ml_base ships no types
    """What the models have in common: the artifact, and the refusal of what is none of their input."""

    version = __version__
    features = LOAN

    def __init__(self, artifact_path: str | None = None, artifact_sha256: str | None = None) -> None:
        """Load the artifact at `artifact_path`, or the one that the package ships for these features.

        Where `artifact_sha256` is given, the file must have this digest.

        Raises:
            ArtifactError: the artifact is missing, damaged, or made for other features or another LightGBM.
        """
        self._scorer = scorer.load(
            None if artifact_path is None else Path(artifact_path), artifact_sha256, self.features
        )

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
        risky = self.probability(data) >= self._scorer.threshold
        return CreditRiskModelOutput(credit_risk=CreditRisk.RISKY if risky else CreditRisk.SAFE)

    def probability(self, data: BaseModel) -> float:
        """Return the probability that the loan is risky, between 0 and 1."""
        return self._scorer.probability(self.features.encode_row(vars(data)))

    def classify(self, loans: pd.DataFrame) -> NDArray[np.str_]:
        """Return the risks of `n` prepared loans, shape (n,), computed with all cores.

        `loans` is what the preparation of the training yields: the columns by the names of the features, categories as
        categorical columns. Beside it and the answer, the memory is that of one chunk.
        """
        risky = np.empty(len(loans), dtype=np.bool_)
        for start in range(0, len(loans), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            probabilities = self._scorer.probabilities(self.features.encode_frame(loans.iloc[chunk]), threads=0)
            risky[chunk] = self._scorer.are_risky(probabilities)
        return np.where(risky, CreditRisk.RISKY.value, CreditRisk.SAFE.value)
