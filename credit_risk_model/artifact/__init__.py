"""The zip file that carries a trained model together with what is known about it."""

from credit_risk_model.artifact.layout import CLASSES, METADATA, MODEL, PACKAGED, PACKAGED_ON_BOOK, ArtifactError
from credit_risk_model.artifact.reading import Artifact, read, verify
from credit_risk_model.artifact.writing import write

__all__ = [
    "CLASSES",
    "METADATA",
    "MODEL",
    "PACKAGED",
    "PACKAGED_ON_BOOK",
    "Artifact",
    "ArtifactError",
    "read",
    "verify",
    "write",
]
