"""The files that a run writes, and what identifies the run."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from credit_risk_model.loan_files.loans import Loans
from credit_risk_model.scoring.error import ScoringError

KINDS = ("parquet", "csv.gz", "csv")
_EDGE = 1024 * 1024  # bytes at either end of a file; a Parquet file has its statistics there


@dataclass(frozen=True)
class Output:
    """The files of a run, named after the one with the scores."""

    path: Path

    @property
    def kind(self) -> str:
        """The format that the name ends with.

        Raises:
            ScoringError: it does not end with one of `KINDS`.
        """
        for kind in KINDS:
            if self.path.name.endswith(f".{kind}"):
                return kind
        raise ScoringError(f"{str(self.path)!r} must end in one of {', '.join(f'.{kind}' for kind in KINDS)}.")

    @property
    def rejects(self) -> Path:
        """The rows that could not be scored."""
        return self.path.with_name(f"{self.path.name}.rejects.csv")

    @property
    def summary(self) -> Path:
        """What was scored, with which model, and how many rows."""
        return self.path.with_name(f"{self.path.name}.summary.json")

    @property
    def folder(self) -> Path:
        """The chunks that are done, until all are."""
        return self.path.with_name(f"{self.path.name}.chunks")


def fingerprint(loans: Loans) -> dict[str, Any]:
    """Return what identifies the input without reading all of it. Each chunk has a digest, too."""
    if loans.is_one_file:
        return _fingerprint(loans.path)
    prints = [{"file": loans.name(number), **_fingerprint(file.path)} for number, file in enumerate(loans.files)]
    return {
        "files": len(prints),
        "bytes": sum(each["bytes"] for each in prints),
        "sha256_of_fingerprints": hashlib.sha256(repr(prints).encode()).hexdigest(),
    }


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        digest = hashlib.sha256(file.read(_EDGE))
        file.seek(max(0, state.st_size - _EDGE))
        digest.update(file.read())
    return {"bytes": state.st_size, "modified_ns": state.st_mtime_ns, "sha256_of_both_ends": digest.hexdigest()}
