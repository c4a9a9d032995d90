"""The artifact: one zip file with a trained model, its metadata and the evidence for it."""

from credit_risk_model.artifact.layout import (
    CLASSES,
    METADATA,
    MODEL,
    PACKAGED,
    PACKAGED_ON_BOOK,
    RETRAIN,
    SELF_CHECK,
    ArtifactError,
    CheckedLoan,
    shown,
)
from credit_risk_model.artifact.reading import Artifact, read, verify
from credit_risk_model.artifact.writing import write

__all__ = [
    "CLASSES",
    "METADATA",
    "MODEL",
    "PACKAGED",
    "PACKAGED_ON_BOOK",
    "RETRAIN",
    "SELF_CHECK",
    "Artifact",
    "ArtifactError",
    "CheckedLoan",
    "read",
    "shown",
    "verify",
    "write",
]
