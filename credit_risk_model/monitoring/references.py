"""Finds what the inputs and scores looked like in training: artifacts have it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from credit_risk_model import artifact

Reference = Mapping[str, Mapping[str, float]]
"""The shares of the bins of each input, by its name in a request, and of the score."""


def of_artifacts(paths: Iterable[Path]) -> dict[str, Reference]:
    """Return the reference of each artifact that has one, by the digest of the artifact.

    Raises:
        ArtifactError: an artifact is missing or damaged.
    """
    found = {}
    for path in paths:
        metadata = json.loads(artifact.verify(path)[artifact.METADATA])
        if "reference" in metadata:
            found[hashlib.sha256(path.read_bytes()).hexdigest()] = metadata["reference"]["values"]
    return found
