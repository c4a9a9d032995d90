"""The artifact: one zip file with a trained model, its metadata and the evidence for it."""

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
