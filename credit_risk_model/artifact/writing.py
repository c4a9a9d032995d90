"""Writes an artifact completely or not at all."""

import hashlib
import json
import os
import pickle
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from credit_risk_model import atomic_file
from credit_risk_model.artifact.layout import METADATA, MODEL, SELF_CHECK, ArtifactError, CheckedLoan, evidence_path
from credit_risk_model.artifact.library import lightgbm

_ABOUT_SELF_CHECK = (
    "Synthetic loans, not those of any borrower, with the probabilities of `risky` that they got in training. "
    "The model must reproduce them before it answers a request."
)


def write(
    path: Path,
    booster: lightgbm.Booster,
    metadata: Mapping[str, Any],
    self_check: Sequence[CheckedLoan],
    reports: Mapping[str, bytes] | None = None,
    evidence: Mapping[str, bytes] | None = None,
) -> None:
    """Write the artifact completely or not at all; an older file at `path` is kept until the new one is complete.

    `reports` become further members, `evidence` the pages of a second file, `1.evidence.zip` next to `1.zip`, which
    need not be deployed.
    The loans of `self_check` must be synthetic: anybody who has the artifact can read them.
    `created` and the digests of every other member and of every page are added to `metadata`. The same arguments give
    the same bytes where the environment variable SOURCE_DATE_EPOCH (seconds since 1970) fixes the time.

    Raises:
        ArtifactError: a file cannot be written, or SOURCE_DATE_EPOCH is not a number.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", str(int(time.time())))
    try:
        created = time.gmtime(int(epoch))
    except (ValueError, OverflowError, OSError) as error:
        raise ArtifactError(f"SOURCE_DATE_EPOCH is {epoch!r}, expected whole seconds since 1970.") from error

    # The model is read again from its text, so that it forgets how it was trained and always gives the same pickle.
    # `joblib.load` reads this pickle. Writing it does not need joblib, so the service does not need joblib either.
    members = {MODEL: pickle.dumps(lightgbm.Booster(model_str=booster.model_to_string()), protocol=5)}
    members[SELF_CHECK] = _json({"about": _ABOUT_SELF_CHECK, "loans": [asdict(loan) for loan in self_check]})
    members |= reports or {}
    described = dict(metadata) | {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", created),
        "sha256": _digests(members),
        "evidence": _digests(evidence or {}),
    }
    files = {path: {METADATA: _json(described)} | members}
    if evidence:
        files[evidence_path(path)] = dict(evidence)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:  # the files appear in reverse order: the evidence before the artifact
            for target, content in files.items():
                _write_zip(stack.enter_context(atomic_file.replacing(target)), content, created)
        if not evidence:
            evidence_path(path).unlink(missing_ok=True)  # that of another artifact
    except OSError as error:
        raise ArtifactError(f"Cannot write the artifact {str(path)!r}: {error.strerror or error}.") from error


def _digests(members: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}


def _write_zip(file: IO[bytes], members: Mapping[str, bytes], created: time.struct_time) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            # The oldest time a zip file can hold is 1980.
            entry = zipfile.ZipInfo(name, max(created[:6], (1980, 1, 1, 0, 0, 0)))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)


def _json(value: Any) -> bytes:
    # Floats are written with all their digits, so that they are read as the same numbers.
    return json.dumps(value, indent=2, allow_nan=False).encode() + b"\n"
