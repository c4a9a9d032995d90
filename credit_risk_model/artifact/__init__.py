"""The zip file that carries a trained model together with what is known about it."""

from credit_risk_model.artifact.layout import (
    CLASSES,
    METADATA,
    MODEL,
    MODEL_TEXT,
    PACKAGED,
    PACKAGED_ON_BOOK,
    RETRAIN,
    SELF_CHECK,
    ArtifactError,
    CheckedLoan,
    evidence_path,
    shown,
)
from credit_risk_model.artifact.reading import Artifact, read, verify, verify_evidence
from credit_risk_model.artifact.writing import write

__all__ = [
    "CLASSES",
    "METADATA",
    "MODEL",
    "MODEL_TEXT",
    "PACKAGED",
    "PACKAGED_ON_BOOK",
    "RETRAIN",
    "SELF_CHECK",
    "Artifact",
    "ArtifactError",
    "CheckedLoan",
    "evidence_path",
    "read",
    "shown",
    "verify",
    "verify_evidence",
    "write",
]
