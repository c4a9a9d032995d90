"""The credit-risk model as `ml_base` and every service built on it want it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ml_base import MLModel
from ml_base.ml_model import MLModelSchemaValidationException
from numpy.typing import NDArray
from pydantic import BaseModel

from credit_risk_model import __version__, artifact, features
from credit_risk_model.categories import CreditRisk
from credit_risk_model.prediction.schemas import CreditRiskModelInput, CreditRiskModelOutput
from credit_risk_model.prediction.single_row import SingleRow

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 50_000  # loans, 6.4 MB as a matrix


class CreditRiskModel(MLModel):  # type: ignore[misc]  # ml_base ships no types
    """Tells safe loans from risky ones."""

    display_name = "Credit Risk Model"
    qualified_name = "credit_risk_model"
    description = "Predicts whether a loan on the books is safe or risky."
    version = __version__
    input_schema = CreditRiskModelInput
    output_schema = CreditRiskModelOutput

    def __init__(self, artifact_path: str | None = None, artifact_sha256: str | None = None) -> None:
        """Load the artifact at `artifact_path`, or the one that the package ships.

        Where `artifact_sha256` is given, the file must have this digest.

        Raises:
            ArtifactError: the artifact is missing, damaged, or made for other features or another LightGBM.
        """
        path = artifact.PACKAGED if artifact_path is None else Path(artifact_path)
        loaded = artifact.read(path, features=features.specification(), sha256=artifact_sha256)
        self._booster = loaded.booster
        self._predict_row = SingleRow(loaded.booster, len(features.FEATURES))
        self._threshold = loaded.threshold

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the risk of one loan.

        Raises:
            MLModelSchemaValidationException: `data` is not a `CreditRiskModelInput`.
        """
        if not isinstance(data, CreditRiskModelInput):
            raise MLModelSchemaValidationException(
                f"Expected a {CreditRiskModelInput.__name__}, got a {type(data).__name__}."
            )
        risky = self.probability(data) >= self._threshold
        return CreditRiskModelOutput(credit_risk=CreditRisk.RISKY if risky else CreditRisk.SAFE)

    def probability(self, data: BaseModel) -> float:
        """Return the probability that the loan is risky, between 0 and 1."""
        return self._predict_row(features.encode_row(vars(data)))

    def classify(self, loans: pd.DataFrame) -> NDArray[np.str_]:
        """Return the risks of `n` prepared loans, shape (n,), computed with all cores.

        `loans` is what the preparation of the training yields: the columns by the names of the features, categories as
        categorical columns. Beside it and the answer, the memory is that of one chunk.
        """
        risky = np.empty(len(loans), dtype=np.bool_)
        for start in range(0, len(loans), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            risky[chunk] = (
                np.asarray(self._booster.predict(features.encode_frame(loans.iloc[chunk]))) >= self._threshold
            )
        return np.where(risky, CreditRisk.RISKY.value, CreditRisk.SAFE.value)
