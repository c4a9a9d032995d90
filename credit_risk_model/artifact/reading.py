"""Verifies an artifact, and loads its model without trusting the file."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from credit_risk_model.artifact import model_text, pickled
from credit_risk_model.artifact.archive import Archive
from credit_risk_model.artifact.layout import (
    CLASSES,
    METADATA,
    MODEL,
    MODEL_CARD,
    RESTORE,
    RETRAIN,
    SELF_CHECK,
    ArtifactError,
    CheckedLoan,
    difference,
    evidence_path,
    shown,
)
from credit_risk_model.artifact.library import lightgbm

# The keys of `metadata.json` that are needed to load a model, and their types. Training adds more keys.
_REQUIRED = {"features": list, "classes": list, "threshold": float, "versions": dict, "sha256": dict}
_MOST_BINS = 32  # of one distribution of the reference; the metrics have a series for each
_MOST_DISTRIBUTIONS = 64


@dataclass(frozen=True)
class Artifact:
    """A verified artifact.

    `metadata` is the content of `metadata.json`, `digest` the SHA-256 of the whole file in hexadecimal. `model_card` is
    the Markdown of `model_card.md`, or empty if the artifact has none.
    """

    booster: lightgbm.Booster
    metadata: dict[str, Any]
    self_check: Sequence[CheckedLoan]
    model_card: str
    digest: str

    @property
    def threshold(self) -> float:
        """The operating threshold: a loan is risky if its probability is at least this value."""
        return float(self.metadata["threshold"])


def read(path: Path, *, features: list[dict[str, Any]], sha256: str | None = None) -> Artifact:
    """Verify the members that the model needs, and load the model. `verify` also checks the reports.

    `features` is the specification that the code expects. Nothing is unpickled, and LightGBM reads only text whose
    lines were all checked. The caller must check with the loans of `self_check` that the model predicts as in training.

    Raises:
        ArtifactError: the file is missing, not the one that `sha256` names, damaged, incomplete, too large, or made for
            other features, classes, or another LightGBM.
    """
    archive = Archive(path, sha256)
    metadata = _metadata(path, archive.read(METADATA), archive.names)
    if metadata["features"] != features:
        raise ArtifactError(f"The artifact {str(path)!r} was {difference(metadata['features'], features)}. {RETRAIN}")
    if metadata["classes"] != CLASSES:
        raise ArtifactError(
            f"The artifact {str(path)!r} has the classes {shown(metadata['classes'])}, expected {CLASSES}. {RETRAIN}"
        )
    if not 0.0 < metadata["threshold"] < 1.0:
        raise ArtifactError(
            f"The threshold in {str(path)!r} is {metadata['threshold']}, expected a probability. {RETRAIN}"
        )
    _check_reference(path, metadata.get("reference"))
    _check_lightgbm(path, metadata["versions"].get("lightgbm"))
    loans = _self_check(path, _verified(path, archive, SELF_CHECK, metadata["sha256"]))
    booster = _booster(path, _verified(path, archive, MODEL, metadata["sha256"]), features)
    card = _verified(path, archive, MODEL_CARD, metadata["sha256"]) if MODEL_CARD in archive.names else b""
    return Artifact(booster, metadata, loans, card.decode(errors="replace"), archive.digest)


def verify(path: Path, sha256: str | None = None) -> dict[str, bytes]:
    """Check the digest of every member; return the members by name.

    Raises:
        ArtifactError: the file is missing, not the one that `sha256` names, damaged, incomplete, too large or changed.
    """
    archive = Archive(path, sha256)
    content = archive.read(METADATA)
    digests = _metadata(path, content, archive.names)["sha256"]
    members = {name: _verified(path, archive, name, digests) for name in archive.names if name != METADATA}
    return {METADATA: content} | members


def verify_evidence(path: Path, metadata: dict[str, Any]) -> dict[str, bytes]:
    """Check the digest of every page in the second file of the artifact `path`, and return the pages by name.

    Raises:
        ArtifactError: `metadata` records pages, and the file is missing, damaged, incomplete, too large or changed.
    """
    recorded = metadata.get("evidence", {})
    if not recorded:
        return {}
    second = evidence_path(path)
    archive = Archive(second, required=dict.fromkeys(recorded, RESTORE))
    return {name: _verified(second, archive, name, recorded) for name in recorded}


def _metadata(path: Path, content: bytes, names: list[str]) -> dict[str, Any]:
    metadata = _parsed(path, METADATA, content)
    for key, kind in _REQUIRED.items():
        if not isinstance(metadata.get(key), kind):
            raise ArtifactError(
                f"{METADATA!r} in {str(path)!r} has {shown(metadata.get(key))} as {key!r}, expected a {kind.__name__}. "
                f"{RESTORE}"
            )
    for name in sorted(metadata["sha256"].keys() ^ (set(names) - {METADATA})):
        state = "is recorded but missing" if name in metadata["sha256"] else "is present but not recorded"
        raise ArtifactError(f"The artifact {str(path)!r} was changed: its member {shown(name)} {state}. {RESTORE}")
    return metadata


def _self_check(path: Path, content: bytes) -> list[CheckedLoan]:
    entries = _parsed(path, SELF_CHECK, content).get("loans")
    loans = []
    for entry in entries if isinstance(entries, list) else []:
        match entry:
            case {"loan": dict(loan), "probability": float(probability)}:
                loans.append(CheckedLoan(loan, probability))
            case _:
                raise ArtifactError(f"{SELF_CHECK!r} in {str(path)!r} has an invalid loan: {shown(entry)}. {RETRAIN}")
    if not loans:
        raise ArtifactError(f"{SELF_CHECK!r} in {str(path)!r} has no loans. {RETRAIN}")
    return loans


def _parsed(path: Path, name: str, content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{name!r} in {str(path)!r} is not JSON: {error}. {RESTORE}") from error
    if not isinstance(value, dict):
        raise ArtifactError(f"{name!r} in {str(path)!r} is a {type(value).__name__}, not an object. {RESTORE}")
    return value


def _verified(path: Path, archive: Archive, name: str, digests: dict[str, Any]) -> bytes:
    content = archive.read(name)
    if (found := hashlib.sha256(content).hexdigest()) != digests[name]:
        raise ArtifactError(
            f"The member {shown(name)} of {str(path)!r} was changed: its SHA-256 is {found}, {METADATA!r} records "
            f"{shown(digests[name])}. {RESTORE}"
        )
    return content


def _check_reference(path: Path, reference: Any) -> None:
    """Check the shares of training, which older artifacts do not have."""
    try:
        distributions = [] if reference is None else [reference["labels"], *reference["values"].values()]
        valid = len(distributions) <= _MOST_DISTRIBUTIONS and all(map(_is_distribution, distributions))
    except (AttributeError, KeyError, TypeError, ValueError):
        valid = False
    if not valid:
        raise ArtifactError(f"{METADATA!r} in {str(path)!r} has an invalid reference: {shown(reference)}. {RESTORE}")


def _is_distribution(shares: dict[str, float]) -> bool:
    if "+Inf" in shares:
        sorted(float(name) for name in shares if name != "missing")  # raises ValueError
    return len(shares) <= _MOST_BINS and all(0 <= share <= 1 for share in shares.values())


def _check_lightgbm(path: Path, trained: Any) -> None:
    installed = lightgbm.__version__
    # A newer LightGBM reads the models of an older one with the same major version.
    theirs, ours = (
        [int(part) for part in found.groups()] if (found := re.match(r"(\d{1,4})\.(\d{1,4})\b", str(given))) else []
        for given in (trained, installed)
    )
    if theirs[:1] != ours[:1] or theirs > ours:
        raise ArtifactError(
            f"The artifact {str(path)!r} was made with LightGBM {str(trained)[:100]}, but {installed} is installed, "
            f"which reads models of {ours[0]}.0 to {'.'.join(map(str, ours))}. Install the version of the artifact. "
            f"{RETRAIN}"
        )


def _booster(path: Path, content: bytes, features: list[dict[str, Any]]) -> lightgbm.Booster:
    try:
        return lightgbm.Booster(model_str=model_text.checked(pickled.model_text(content), features))
    except (ValueError, lightgbm.basic.LightGBMError) as error:
        raise ArtifactError(f"{MODEL!r} in {str(path)!r} is not a usable LightGBM model: {error}. {RETRAIN}") from error
