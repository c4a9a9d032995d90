"""Verifying an artifact, and loading the model in it without trusting it."""

import hashlib
import io
import json
import pickle
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from credit_risk_model.artifact.layout import CLASSES, METADATA, MODEL, ArtifactError
from credit_risk_model.artifact.library import lightgbm

RETRAIN = "Run `make train DATA=<loan.csv>` to make a new one."
RESTORE = "Restore the file from where it came from, or run `make train DATA=<loan.csv>` to make a new one."

# What `metadata.json` must hold for a model to be loaded; training adds more.
_REQUIRED = {"features": list, "classes": list, "threshold": float, "versions": dict, "sha256": dict}
# More than any artifact holds, and less than the memory of a small machine.
_LARGEST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Artifact:
    """A verified artifact: the model, and `metadata.json` as it stands in the file."""

    booster: lightgbm.Booster
    metadata: dict[str, Any]

    @property
    def threshold(self) -> float:
        """The operating threshold: a loan of at least this probability is risky."""
        return float(self.metadata["threshold"])


class _PickledBooster:
    """Stands in for LightGBM's class while a model is unpickled, so that only its state is taken, and nothing run."""


class _BoosterUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) != ("lightgbm.basic", "Booster"):
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no LightGBM model does")
        return _PickledBooster


def read(path: Path, *, features: list[dict[str, Any]], sha256: str | None = None) -> Artifact:
    """Verify what the model needs of the artifact, and load the model; `verify` looks at the reports as well.

    `features` is the specification that the code was written for. All that can be checked is checked before anything
    is unpickled, and nothing but the text of a LightGBM model is taken from the pickle.

    Raises:
        ArtifactError: the file is missing, not the one that `sha256` names, damaged, incomplete, or made for other
            features, classes, or another LightGBM.
    """
    archive = _open(path, sha256)
    metadata = _parse_metadata(path, archive)
    if metadata["features"] != features:
        raise _foreign(path, metadata["features"], features)
    if metadata["classes"] != CLASSES:
        raise ArtifactError(
            f"The artifact {str(path)!r} tells apart {metadata['classes']}, expected {CLASSES}. {RETRAIN}"
        )
    if not 0.0 < metadata["threshold"] < 1.0:
        raise ArtifactError(
            f"The threshold in {str(path)!r} is {metadata['threshold']}, expected a probability. {RETRAIN}"
        )
    _check_lightgbm(path, metadata["versions"].get("lightgbm"))
    return Artifact(_load(path, _verified(path, archive, MODEL, metadata), features), metadata)


def verify(path: Path, sha256: str | None = None) -> dict[str, bytes]:
    """Check the digest of every member, and return all members by name.

    Raises:
        ArtifactError: the file is missing, not the one that `sha256` names, damaged, incomplete or changed.
    """
    archive = _open(path, sha256)
    metadata = _parse_metadata(path, archive)
    members = {name: _verified(path, archive, name, metadata) for name in archive.namelist() if name != METADATA}
    return {METADATA: archive.read(METADATA)} | members


def _open(path: Path, sha256: str | None) -> zipfile.ZipFile:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(f"No model artifact at {str(path)!r}. {RETRAIN}") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"Cannot read the model artifact {str(path)!r}: {error}.") from error
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != str(sha256).lower():
        raise ArtifactError(
            f"The artifact {str(path)!r} is not the configured one: its SHA-256 is {found}, `artifact_sha256` is "
            f"{sha256}. Deploy the configured file, or configure the digest of this one if you trust it."
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    # A damaged file makes zipfile raise what its parts happen to raise.
    except Exception as error:
        raise ArtifactError(f"The artifact {str(path)!r} is no intact zip file: {error}. {RESTORE}") from error
    names = archive.namelist()
    if len(set(names)) != len(names):
        raise ArtifactError(f"The artifact {str(path)!r} holds a member twice: {sorted(names)}. {RESTORE}")
    for name in (METADATA, MODEL):
        if name not in names:
            raise ArtifactError(
                f"The artifact {str(path)!r} has no member {name!r}; it holds {sorted(names)}. {RESTORE}"
            )
    if (size := sum(entry.file_size for entry in archive.infolist())) > _LARGEST:
        raise ArtifactError(
            f"The artifact {str(path)!r} would unpack to {size:,} bytes, expected at most {_LARGEST:,}. {RESTORE}"
        )
    return archive


def _read_member(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    # What is wrong in compressed data is told by zipfile, zlib or another module, each with errors of its own.
    except Exception as error:
        raise ArtifactError(
            f"The artifact {str(path)!r} is no intact zip file: {name!r}: {error}. {RESTORE}"
        ) from error


def _parse_metadata(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        metadata = json.loads(_read_member(path, archive, METADATA))
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{METADATA!r} in {str(path)!r} is no JSON: {error}. {RESTORE}") from error
    if not isinstance(metadata, dict):
        raise ArtifactError(f"{METADATA!r} in {str(path)!r} is a {type(metadata).__name__}, no object. {RESTORE}")
    for key, kind in _REQUIRED.items():
        if not isinstance(metadata.get(key), kind):
            raise ArtifactError(
                f"{METADATA!r} in {str(path)!r} has {metadata.get(key)!r} as {key!r}, expected a {kind.__name__}. "
                f"{RESTORE}"
            )
    for name in sorted(metadata["sha256"].keys() ^ (set(archive.namelist()) - {METADATA})):
        state = "is recorded and missing" if name in metadata["sha256"] else "is there and not recorded"
        raise ArtifactError(f"The artifact {str(path)!r} was changed: its member {name!r} {state}. {RESTORE}")
    return metadata


def _verified(path: Path, archive: zipfile.ZipFile, name: str, metadata: dict[str, Any]) -> bytes:
    content = _read_member(path, archive, name)
    if (found := hashlib.sha256(content).hexdigest()) != metadata["sha256"][name]:
        raise ArtifactError(
            f"The member {name!r} of {str(path)!r} was changed: its SHA-256 is {found}, {METADATA!r} records "
            f"{metadata['sha256'][name]}. {RESTORE}"
        )
    return content


def _check_lightgbm(path: Path, trained: Any) -> None:
    installed = lightgbm.__version__
    # A newer LightGBM reads the models of an older one as long as the major version stays.
    theirs, ours = (
        [int(part) for part in found.groups()] if (found := re.match(r"(\d{1,4})\.(\d{1,4})\b", str(given))) else []
        for given in (trained, installed)
    )
    if theirs[:1] != ours[:1] or theirs > ours:
        raise ArtifactError(
            f"The artifact {str(path)!r} was made with LightGBM {trained}, installed is {installed}; accepted are "
            f"versions {ours[0]}.0 to {'.'.join(map(str, ours))}. Install the version it was made with. {RETRAIN}"
        )


def _load(path: Path, content: bytes, features: list[dict[str, Any]]) -> lightgbm.Booster:
    try:
        pickled = _BoosterUnpickler(io.BytesIO(content)).load()
        if not isinstance(pickled, _PickledBooster):
            raise pickle.UnpicklingError(f"it holds a {type(pickled).__name__}")
        booster = lightgbm.Booster(model_str=vars(pickled)["_handle"])
        found = _features_of(booster, features)
    # What a pickle's opcodes and a model's text raise when they are wrong has no common base class.
    except Exception as error:
        raise ArtifactError(f"{MODEL!r} in {str(path)!r} holds no LightGBM model: {error!r}. {RETRAIN}") from error
    if found != features:
        raise _foreign(path, found, features)
    answer = np.asarray(booster.predict(np.zeros((1, len(features))), num_threads=1))
    if answer.shape != (1,) or not 0.0 <= answer[0] <= 1.0:
        raise ArtifactError(f"{MODEL!r} in {str(path)!r} predicts {answer}, expected one probability. {RETRAIN}")
    return booster


def _features_of(booster: lightgbm.Booster, expected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # LightGBM keeps the categories apart from the names, in the order of the categorical columns.
    names, categories = booster.feature_name(), iter(booster.pandas_categorical or [])
    categorical = [index < len(expected) and expected[index]["categories"] is not None for index in range(len(names))]
    return [
        {"name": name, "categories": next(categories, None) if has_them else None}
        for name, has_them in zip(names, categorical, strict=True)
    ]


def _foreign(path: Path, found: list[Any], expected: list[dict[str, Any]]) -> ArtifactError:
    ours, theirs = next(
        ((mine, other) for mine, other in zip(expected, found, strict=False) if mine != other),
        (f"{len(expected)} features", f"{len(found)} features"),
    )
    return ArtifactError(
        f"The artifact {str(path)!r} was made for other features: the code has {ours}, the artifact {theirs}. {RETRAIN}"
    )
