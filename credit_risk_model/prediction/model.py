"""The credit-risk model as an `ml_base.MLModel`."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ml_base import MLModel
from ml_base.ml_model import MLModelSchemaValidationException
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from credit_risk_model import __version__
from credit_risk_model.artifact import RETRAIN, ArtifactError, shown
from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.prediction import scorer
from credit_risk_model.prediction.loan import CreditRiskModelInput
from credit_risk_model.prediction.schemas import CreditRiskModelOutput
from credit_risk_model.prediction.self_check import compare

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 50_000  # loans, 6.4 MB as a matrix


class ScoringModel(MLModel):  # type: ignore[misc]  # ml_base ships no types
    """The common part of the models: loading the artifact, its self-check, and checking the type of the input."""

    version = __version__
    features = LOAN

    def __init__(self, artifact_path: str | None = None, artifact_sha256: str | None = None) -> None:
        """Load the artifact at `artifact_path`, or the shipped one for these features.

        If `artifact_sha256` is given, the file must have this digest. The defaults of both are the environment
        variables CREDIT_RISK_ARTIFACT_PATH and CREDIT_RISK_ARTIFACT_SHA256, or CREDIT_RISK_ON_BOOK_ARTIFACT_PATH and
        CREDIT_RISK_ON_BOOK_ARTIFACT_SHA256 for the models that know the age of a loan.

        Raises:
            ArtifactError: the artifact is missing, damaged, or made for other features or another LightGBM.
        """
        prefix = "CREDIT_RISK_ON_BOOK_" if self.features is ON_BOOK else "CREDIT_RISK_"
        if artifact_path is None:
            artifact_path = os.environ.get(f"{prefix}ARTIFACT_PATH")
        if artifact_sha256 is None:
            artifact_sha256 = os.environ.get(f"{prefix}ARTIFACT_SHA256")
        self._scorer = scorer.load(
            None if artifact_path is None else Path(artifact_path), artifact_sha256, self.features
        )

    @property
    def artifact_digest(self) -> str:
        """The SHA-256 of the artifact, in hexadecimal; the configuration pins it as `artifact_sha256`."""
        return self._scorer.digest

    @property
    def model_card(self) -> str:
        """The artifact's model card in Markdown, which the service shows as a page; empty without a card."""
        return self._scorer.model_card

    @property
    def reference(self) -> Mapping[str, Any] | None:
        """The shares of training, with which the metrics of the service are compared."""
        return self._scorer.reference

    def observations(self, data: Any, answer: Any) -> tuple[Mapping[str, Any], Any, Any]:
        """Return the inputs, the probability and the label of the loan, or columns of them for the loans of a batch.

        The service counts them for its metrics, and writes them to its prediction log.
        """
        return vars(data), answer.probability, answer.credit_risk

    def self_check(self) -> None:
        """Score the synthetic loans of the artifact, and compare the probabilities with those of the training.

        This finds a CPU, a library or a damaged model that computes something else. It also runs all the code of a
        prediction once, so that the first request is not slower than the others.

        Raises:
            ArtifactError: a probability differs by more than 1e-9, or a loan is not valid.
        """
        loans = self._scorer.self_check
        try:
            found = self._score([loan.loan for loan in loans])
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise ArtifactError(
                f"The self-check of the artifact has an invalid loan: {shown(first['loc'])}: {first['msg']}. {RETRAIN}"
            ) from error
        compare(found, [loan.probability for loan in loans])

    @abstractmethod
    def _score(self, loans: Sequence[Mapping[str, Any]]) -> Sequence[float]:
        """Return the probabilities of the loans, computed in the same way as for a request."""

    def _check(self, data: BaseModel) -> None:
        if not isinstance(data, self.input_schema):
            raise MLModelSchemaValidationException(
                f"Expected a {self.input_schema.__name__}, got a {type(data).__name__}."
            )


class CreditRiskModel(ScoringModel):
    """Classifies a loan as safe or risky."""

    display_name = "Credit Risk Model"
    qualified_name = "credit_risk_model"
    description = "Predicts whether a loan on the books is safe or risky."
    input_schema: type[BaseModel] = CreditRiskModelInput
    output_schema = CreditRiskModelOutput

    def predict(self, data: BaseModel) -> CreditRiskModelOutput:
        """Return the risk of one loan.

        Raises:
            MLModelSchemaValidationException: `data` is not a `CreditRiskModelInput`.
        """
        self._check(data)
        probability = self.probability(data)
        risky = probability >= self._scorer.threshold
        answer = CreditRiskModelOutput(credit_risk=CreditRisk.RISKY if risky else CreditRisk.SAFE)
        answer._probability = probability
        return answer

    def _score(self, loans: Sequence[Mapping[str, Any]]) -> Sequence[float]:
        return [self.probability(self.input_schema.model_validate(loan)) for loan in loans]

    def probability(self, data: BaseModel) -> float:
        """Return the probability that the loan is risky, between 0 and 1."""
        return self._scorer.probability(self.features.encode_row(vars(data)))

    def classify(self, loans: pd.DataFrame) -> NDArray[np.str_]:
        """Return the risks of `n` prepared loans, shape (n,), computed on all cores.

        `loans` is the result of the training's preparation: one column per feature, named like the feature, with
        categories as categorical columns. Apart from `loans` and the result, this needs the memory of one chunk.
        """
        risky = np.empty(len(loans), dtype=np.bool_)
        for start in range(0, len(loans), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            probabilities = self._scorer.probabilities(self.features.encode_frame(loans.iloc[chunk]), threads=0)
            risky[chunk] = self._scorer.are_risky(probabilities)
        return np.where(risky, CreditRisk.RISKY.value, CreditRisk.SAFE.value)
