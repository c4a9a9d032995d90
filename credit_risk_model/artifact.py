"""The zip file that carries a trained model together with what is known about it."""

import hashlib
import io
import json
import os
import pickle
import re
import tempfile
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm

PACKAGED = Path(__file__).parent / "model_files" / "1.zip"

MODEL = "model.joblib"
METADATA = "metadata.json"
RETRAIN = "Run `make train DATA=<loan.csv>` to make a new one."
RESTORE = "Restore the file from where it came from, or run `make train DATA=<loan.csv>` to make a new one."

# What `metadata.json` must hold for a model to be loaded; training adds more.
_REQUIRED = {"features": list, "classes": list, "threshold": float, "versions": dict, "sha256": dict}
CLASSES = ["safe", "risky"]
# The one thing that the pickle of a model may refer to. Nothing else is imported or called when it is read.
_PICKLED = ("lightgbm.basic", "Booster")
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class ArtifactError(Exception):
    """An artifact that cannot be used: what is wrong, where, what was found, and what to do."""


@dataclass(frozen=True)
class Artifact:
    """A verified artifact: the model, and `metadata.json` as it stands in the file."""

    booster: lightgbm.Booster
    metadata: dict[str, Any]

    @property
    def threshold(self) -> float:
        """The operating threshold: a loan of at least this probability is risky."""
        return float(self.metadata["threshold"])


class _BoosterUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) != _PICKLED:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no LightGBM model does")
        return super().find_class(module, name)


def write(
    path: Path, booster: lightgbm.Booster, metadata: Mapping[str, Any], reports: Mapping[str, bytes] | None = None
) -> None:
    """Write the artifact, whole or not at all; the file that `path` named before is kept until then.

    `created` and the digest of every other member are added to `metadata`. The same arguments give the same bytes
    where the environment variable SOURCE_DATE_EPOCH (seconds since 1970) fixes the time.

    Raises:
        ArtifactError: the file cannot be written, or SOURCE_DATE_EPOCH is no number.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", str(int(time.time())))
    try:
        created = time.gmtime(int(epoch))
    except (ValueError, OverflowError, OSError) as error:
        raise ArtifactError(f"SOURCE_DATE_EPOCH is {epoch!r}, expected whole seconds since 1970.") from error

    # Read anew from its text, the model forgets how it was trained and is pickled to the same bytes each time.
    # `joblib.load` reads this pickle as well; writing it takes no joblib, which the service need not carry.
    members = {MODEL: pickle.dumps(lightgbm.Booster(model_str=booster.model_to_string()), protocol=5)}
    members |= reports or {}
    described = dict(metadata) | {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", created),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    }
    members = {METADATA: json.dumps(described, indent=2).encode() + b"\n"} | members

    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
                for name, content in members.items():
                    # The oldest time a zip file can hold is 1980.
                    entry = zipfile.ZipInfo(name, max(created[:6], (1980, 1, 1, 0, 0, 0)))
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    entry.external_attr = 0o644 << 16
                    archive.writestr(entry, content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise ArtifactError(f"Cannot write the artifact {str(path)!r}: {error.strerror}.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def read(path: Path, *, features: list[dict[str, Any]], sha256: str | None = None) -> Artifact:
    """Verify the artifact and load its model.

    `features` is the specification that the code was written for. All that can be checked is checked before anything
    is unpickled, and nothing but a LightGBM model is ever unpickled.

    Raises:
        ArtifactError: the file is missing, not the one that `sha256` names, damaged, incomplete, or made for other
            features, classes, or another LightGBM.
    """
    members = _read_members(path, sha256)
    metadata = _parse_metadata(path, members)
    _check_digests(path, members, metadata["sha256"])
    _check_features(path, metadata["features"], features)
    if metadata["classes"] != CLASSES:
        raise ArtifactError(
            f"The artifact {str(path)!r} tells apart {metadata['classes']}, expected {CLASSES}. {RETRAIN}"
        )
    if not 0.0 < metadata["threshold"] < 1.0:
        raise ArtifactError(
            f"The threshold in {str(path)!r} is {metadata['threshold']}, expected a probability. {RETRAIN}"
        )
    _check_lightgbm(path, metadata["versions"].get("lightgbm"))
    booster = _unpickle(path, members[MODEL])
    _check_features(path, _features_of(booster, features), features)
    return Artifact(booster, metadata)


def _read_members(path: Path, sha256: str | None) -> dict[str, bytes]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(f"No model artifact at {str(path)!r}. {RETRAIN}") from error
    except OSError as error:
        raise ArtifactError(f"Cannot read the model artifact {str(path)!r}: {error.strerror}.") from error
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256.lower():
        raise ArtifactError(
            f"The artifact {str(path)!r} is not the configured one: its SHA-256 is {found}, `artifact_sha256` is "
            f"{sha256}. Deploy the configured file, or configure the digest of this one if you trust it."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            members = {name: archive.read(name) for name in names}
    except _DAMAGE as error:
        raise ArtifactError(f"The artifact {str(path)!r} is no intact zip file: {error}. {RESTORE}") from error
    if len(members) != len(names):
        raise ArtifactError(f"The artifact {str(path)!r} holds a member twice: {sorted(names)}. {RESTORE}")
    for name in (METADATA, MODEL):
        if name not in members:
            raise ArtifactError(
                f"The artifact {str(path)!r} has no member {name!r}; it holds {sorted(names)}. {RESTORE}"
            )
    return members


def _parse_metadata(path: Path, members: dict[str, bytes]) -> dict[str, Any]:
    try:
        metadata = json.loads(members[METADATA])
    except ValueError as error:
        raise ArtifactError(f"{METADATA!r} in {str(path)!r} is no JSON: {error}. {RESTORE}") from error
    if not isinstance(metadata, dict):
        raise ArtifactError(f"{METADATA!r} in {str(path)!r} is a {type(metadata).__name__}, no object. {RESTORE}")
    for key, kind in _REQUIRED.items():
        if not isinstance(metadata.get(key), kind):
            raise ArtifactError(
                f"{METADATA!r} in {str(path)!r} has {metadata.get(key)!r} as {key!r}, expected a {kind.__name__}. "
                f"{RESTORE}"
            )
    return metadata


def _check_digests(path: Path, members: dict[str, bytes], recorded: dict[str, str]) -> None:
    for name in sorted((members.keys() | recorded.keys()) - {METADATA}):
        found = hashlib.sha256(members[name]).hexdigest() if name in members else "missing"
        if found != recorded.get(name):
            raise ArtifactError(
                f"The member {name!r} of {str(path)!r} was changed: its SHA-256 is {found}, {METADATA!r} records "
                f"{recorded.get(name)}. {RESTORE}"
            )


def _check_features(path: Path, found: list[Any], expected: list[dict[str, Any]]) -> None:
    if found == expected:
        return
    differing = next(
        ((mine, theirs) for mine, theirs in zip(expected, found, strict=False) if mine != theirs),
        (f"{len(expected)} features", f"{len(found)} features"),
    )
    raise ArtifactError(
        f"The artifact {str(path)!r} was made for other features: the code has {differing[0]}, the artifact "
        f"{differing[1]}. {RETRAIN}"
    )


def _features_of(booster: lightgbm.Booster, expected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # LightGBM keeps the categories apart from the names, in the order of the categorical columns.
    categories = iter(booster.pandas_categorical or [])
    return [
        {"name": name, "categories": next(categories, None) if feature["categories"] else None}
        for name, feature in zip(booster.feature_name(), expected, strict=False)
    ]


def _check_lightgbm(path: Path, trained: Any) -> None:
    installed = lightgbm.__version__
    # A newer LightGBM reads the models of an older one as long as the major version stays.
    theirs, ours = ([int(part) for part in re.findall(r"\d+", str(v))[:2]] for v in (trained, installed))
    if theirs[:1] != ours[:1] or theirs > ours:
        raise ArtifactError(
            f"The artifact {str(path)!r} was made with LightGBM {trained}, installed is {installed}; accepted are "
            f"versions {ours[0]}.0 to {'.'.join(map(str, ours))}. Install the version it was made with. {RETRAIN}"
        )


def _unpickle(path: Path, content: bytes) -> lightgbm.Booster:
    try:
        booster = _BoosterUnpickler(io.BytesIO(content)).load()
    # What a pickle's opcodes raise when they are wrong has no common base class.
    except Exception as error:
        raise ArtifactError(f"{MODEL!r} in {str(path)!r} holds no LightGBM model: {error}. {RETRAIN}") from error
    if not isinstance(booster, lightgbm.Booster):
        raise ArtifactError(
            f"{MODEL!r} in {str(path)!r} holds a {type(booster).__name__}, no LightGBM model. {RETRAIN}"
        )
    return booster
