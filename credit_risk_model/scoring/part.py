"""Scoring a part of a file: what an engine does, here or in another process."""

import csv
import gzip
import io
import json
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.prediction import scorer
from credit_risk_model.scoring import rows
from credit_risk_model.scoring.csv_loans import CsvLoans
from credit_risk_model.scoring.loans import Part, Rows, ScoringError
from credit_risk_model.scoring.parquet_loans import ParquetLoans

Loans = CsvLoans | ParquetLoans

_LABELS = CreditRisk.RISKY.value, CreditRisk.SAFE.value
REJECTS_HEADER = "line,id,reason\n"


@dataclass(frozen=True)
class Job:
    """All that is needed to score any part: the loans, the model, what to answer, and the folder of the parts."""

    loans: Loans
    folder: Path
    kind: str
    reasons: int
    artifact: Path | None
    digest: str

    @property
    def schema(self) -> pa.Schema:
        """The columns of the answers."""
        fields = [("id", self.loans.id_type if self.loans.columns.id else pa.int64())]
        fields += [("credit_risk", pa.string()), ("probability", pa.float64())]
        for rank in range(1, self.reasons + 1):
            fields += [(f"reason_{rank}", pa.string()), (f"contribution_{rank}", pa.float64())]
        return pa.schema(fields)

    def paths(self, number: int) -> tuple[Path, Path, Path]:
        """Return where the answers of a part, its rejects and its counts stand; the counts are written last."""
        start = self.folder / f"{number:06d}"
        return start.with_suffix(f".{self.kind}"), start.with_suffix(".rejects"), start.with_suffix(".json")


def score(job: Job, part: Part, read: Rows | None = None, threads: int = 1) -> dict[str, int]:
    """Score a part, read here where nobody did, and write its files; return how many rows went where.

    Raises:
        ScoringError: the rows changed since they were counted, or the model is another one.
    """
    model = _scorer(job.artifact, job.digest, job.loans.columns.on_book)
    matrix, ids, rejects = rows.encode(read or job.loans.read(part), job.loans.columns)
    counts = {"rows": part.rows, "scored": len(matrix), "rejected": len(rejects)}
    if part.rows != len(matrix) + len(rejects):
        raise ScoringError(f"{str(job.loans.path)!r} changed while it was read: part {part.number} has {counts}.")
    answers, rejected, done = job.paths(part.number)
    put(answers, serialise(_answers(job, model, matrix, ids, threads), job.kind))
    put(rejected, _csv(rejects))
    put(done, json.dumps(counts).encode())
    return counts


@cache  # a worker scores many parts
def _scorer(artifact: Path | None, digest: str, on_book: bool) -> scorer.Scorer:
    model = scorer.load(artifact, features=ON_BOOK if on_book else LOAN)
    if model.digest != digest:
        raise ScoringError(f"Another model is here than where the run was started: {model.digest}, not {digest}.")
    return model


def _answers(job: Job, model: scorer.Scorer, matrix: scorer.Matrix, ids: pa.Array, threads: int) -> pa.Table:
    probabilities = model.probabilities(matrix, threads) if len(matrix) else np.empty(0)
    columns: list[Any] = [ids, pc.if_else(model.are_risky(probabilities), *_LABELS), pa.array(probabilities)]
    if job.reasons:
        contributions = model.contributions(matrix, threads) if len(matrix) else np.empty((0, len(model.features) + 1))
        labels = np.array([feature.label for feature in model.features.features])
        for positions in scorer.top_features(contributions, job.reasons).T:
            values = contributions[np.arange(len(matrix)), positions]
            columns += [pa.array(labels[positions], mask=values == 0), pa.array(values)]
    return pa.table([column.cast(kind) for column, kind in zip(columns, job.schema.types, strict=True)], job.schema)


def serialise(answers: pa.Table, kind: str) -> bytes:
    """Return the answers as they stand in a file of this kind; CSV comes without its header."""
    buffer = pa.BufferOutputStream()
    if kind == "parquet":
        pq.write_table(answers, buffer)
    else:
        pacsv.write_csv(answers, buffer, pacsv.WriteOptions(include_header=False))
    content: bytes = buffer.getvalue().to_pybytes()
    return gzip.compress(content, 6, mtime=0) if kind == "csv.gz" else content


def _csv(rejects: list[rows.Reject]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rejects)
    return buffer.getvalue().encode(errors="replace")


def put(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, so that it outlives a crash of the machine."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    publish(Path(file.name), path)


def publish(written: Path, path: Path) -> None:
    """Give a file its name, for good."""
    written.chmod(0o644)
    written.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
