"""Scores loans with the model of an artifact, which is loaded once and shared by all models."""

import hashlib
import threading
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from credit_risk_model import __version__, artifact
from credit_risk_model.categories import CreditRisk
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.prediction.single_row import SingleRow

Matrix = NDArray[np.float64]

_loaded: weakref.WeakValueDictionary[tuple[str, FeatureSet], "Scorer"] = weakref.WeakValueDictionary()
_loading = threading.Lock()


class Scorer:
    """The model of an artifact. It scores loans that `features` has encoded as a matrix of shape (n, features).

    The default is one thread per call; 0 uses all cores. Otherwise LightGBM would create a team of OpenMP threads for
    every thread that calls it.
    """

    def __init__(self, loaded: artifact.Artifact, features: FeatureSet) -> None:
        self._booster = loaded.booster
        self.features = features
        self.probability = SingleRow(loaded.booster, len(features))
        """A function that takes the encoded row of one loan, and returns its probability."""
        self.threshold = loaded.threshold
        self.self_check = loaded.self_check
        """The synthetic loans whose probabilities a model must reproduce before it answers requests."""
        self.model_card = loaded.model_card
        """The model card of the artifact, in Markdown."""
        self.reference = loaded.metadata.get("reference")
        """The shares of training by label, and by bin of each input and of the score; None in an older artifact."""
        self.digest = loaded.digest
        """The SHA-256 of the artifact in hexadecimal, as `sha256sum` prints it."""
        self.version = f"{__version__}+{self.digest[:12]}"
        """The version of the code, and the first 12 digits of the artifact's digest."""

    def probabilities(self, loans: Matrix, threads: int = 1) -> Matrix:
        """Return the probability that each loan is risky: shape (n,), between 0 and 1."""
        return np.asarray(self._booster.predict(loans, num_threads=threads))

    def are_risky(self, probabilities: Matrix) -> NDArray[np.bool_]:
        """Return whether each probability reaches the operating threshold."""
        return probabilities >= self.threshold

    def risks(self, probabilities: Matrix) -> list[CreditRisk]:
        """Return the class of each probability."""
        return [CreditRisk.RISKY if risky else CreditRisk.SAFE for risky in self.are_risky(probabilities).tolist()]

    def contributions(self, loans: Matrix, threads: int = 1) -> Matrix:
        """Return the contribution of each feature to the log-odds of `risky`: shape (n, features + 1).

        The last column is the base value. The sum of a row is the log-odds of its probability. LightGBM computes this
        with TreeSHAP: Lundberg and others, From local explanations to global understanding with explainable AI for
        trees (2020).
        """
        return np.asarray(self._booster.predict(loans, num_threads=threads, pred_contrib=True))


def load(path: Path | None = None, sha256: str | None = None, features: FeatureSet = LOAN) -> Scorer:
    """Return the scorer of the artifact at `path`, or of the shipped one for these features.

    Files with the same content share one scorer while it is in use. If `sha256` is given, the file must have this
    digest.

    Raises:
        ArtifactError: the artifact is missing, damaged, or made for other features or another LightGBM.
    """
    if path is None:
        path = artifact.PACKAGED_ON_BOOK if features is ON_BOOK else artifact.PACKAGED
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        digest = ""
    if not digest or (sha256 is not None and str(sha256).lower() != digest):
        return Scorer(artifact.read(path, features=features.specification(), sha256=sha256), features)  # raises
    with _loading:
        scorer = _loaded.get((digest, features))
        if scorer is None:
            loaded = artifact.read(path, features=features.specification(), sha256=digest)
            scorer = _loaded[digest, features] = Scorer(loaded, features)
    return scorer


def top_features(contributions: Matrix, count: int) -> NDArray[np.intp]:
    """Return the positions of the `count` features with the largest contributions, largest first: shape (n, count)."""
    return np.argsort(-np.abs(contributions[:, :-1]), axis=1, kind="stable")[:, :count]
