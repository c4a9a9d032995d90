"""Scoring a chunk of a file: what an engine does, here or in another process."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from credit_risk_model import atomic_file
from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.loan_files.chunk import Chunk, LoanFileError, Rows
from credit_risk_model.loan_files.loans import Loans
from credit_risk_model.prediction import scorer
from credit_risk_model.scoring import rows
from credit_risk_model.scoring.counts import Counts
from credit_risk_model.scoring.error import ScoringError

_LABELS = CreditRisk.RISKY.value, CreditRisk.SAFE.value
# Rows that one thread scores in less than 100 ms: Ctrl-C takes effect, and the progress moves, after each such slice.
_ROWS, _ROWS_WITH_REASONS = 5_000, 16

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Job:
    """All that is needed to score any chunk: the loans, the model, what to write, and the folder of the chunks."""

    loans: Loans
    inputs: rows.Inputs
    folder: Path
    kind: str
    reasons: int
    artifact: Path | None
    digest: str

    @property
    def schema(self) -> pa.Schema:
        by_line = pa.int64() if self.loans.is_one_file else pa.string()
        fields = [("id", self.loans.id_type if self.inputs.meaning.id else by_line)]
        fields += [("credit_risk", pa.string()), ("probability", pa.float64())]
        for rank in range(1, self.reasons + 1):
            fields += [(f"reason_{rank}", pa.string()), (f"contribution_{rank}", pa.float64())]
        return pa.schema(fields)

    @property
    def rejects_header(self) -> list[str]:
        return [*([] if self.loans.is_one_file else ["file"]), "line", "id", "reason"]

    def paths(self, number: int) -> tuple[Path, Path, Path]:
        """Return the files of a chunk: its scores, its rejects, and its counts, which are written last."""
        start = self.folder / f"{number:06d}"
        return start.with_suffix(f".{self.kind}"), start.with_suffix(".rejects"), start.with_suffix(".json")


def score(
    job: Job, chunk: Chunk, read: Rows | None = None, threads: int = 1, progress: Progress = lambda rows: None
) -> Counts:
    """Score a chunk, read here unless `read` has its rows, and write its files; return how many rows went where.

    `progress` gets the number of rows of each slice after it was scored; an exception that it raises ends the work.

    Raises:
        LoanFileError: the rows changed since they were counted.
        ScoringError: the model is another one.
    """
    model = _scorer(job.artifact, job.digest, job.inputs.on_book)
    read = read or job.loans.read(chunk)
    encoded = rows.encode(read, job.inputs)
    if chunk.rows != len(encoded.matrix) + len(encoded.rejects) + read.notes:
        raise LoanFileError(f"{str(job.loans.path)!r} changed while it was read: run it again.")
    scores = _serialise(_scores(job, model, encoded, threads, progress), job.kind)
    prefix = [] if read.file is None else [read.file]
    rejects = to_csv([[*prefix, reject.line, reject.id, reject.reason] for reject in encoded.rejects])
    counts = Counts.of(
        encoded, read, chunk.digest, [hashlib.sha256(content).hexdigest() for content in (scores, rejects)]
    )
    contents = scores, rejects, json.dumps(asdict(counts)).encode()
    for path, content in zip(job.paths(chunk.number), contents, strict=True):
        atomic_file.write(path, content)
    return counts


@cache  # a worker scores many chunks
def _scorer(artifact: Path | None, digest: str, on_book: bool) -> scorer.Scorer:
    model = scorer.load(artifact, features=ON_BOOK if on_book else LOAN)
    if model.digest != digest:
        raise ScoringError(
            f"The model here differs from the one where the run was started: {model.digest}, not {digest}."
        )
    return model


def _scores(job: Job, model: scorer.Scorer, encoded: rows.Encoded, threads: int, progress: Progress) -> pa.Table:
    size = _ROWS_WITH_REASONS * threads if job.reasons else _ROWS * threads
    probabilities, contributions = [np.empty(0)], [np.empty((0, len(model.features) + 1))]
    for start in range(0, len(encoded.matrix), size):
        slice_ = encoded.matrix[start : start + size]
        probabilities.append(model.probabilities(slice_, threads))
        if job.reasons:
            contributions.append(model.contributions(slice_, threads))
        progress(len(slice_))
    probability = np.concatenate(probabilities)
    columns: list[Any] = [encoded.ids, pc.if_else(model.are_risky(probability), *_LABELS), pa.array(probability)]
    if job.reasons:
        labels = np.array([feature.label for feature in model.features.features])
        contribution = np.concatenate(contributions)
        for positions in scorer.top_features(contribution, job.reasons).T:
            values = contribution[np.arange(len(contribution)), positions]
            columns += [pa.array(labels[positions], mask=values == 0), pa.array(values)]
    return pa.table([column.cast(kind) for column, kind in zip(columns, job.schema.types, strict=True)], job.schema)


def _serialise(scores: pa.Table, kind: str) -> bytes:
    """Return the scores as a file of this kind has them; CSV comes without its header."""
    buffer = pa.BufferOutputStream()
    if kind == "parquet":
        pq.write_table(scores, buffer)
    else:
        pacsv.write_csv(scores, buffer, pacsv.WriteOptions(include_header=False))
    content: bytes = buffer.getvalue().to_pybytes()
    return gzip.compress(content, 6, mtime=0) if kind == "csv.gz" else content


def to_csv(records: list[list[Any]]) -> bytes:
    """Return records as CSV."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(records)
    return buffer.getvalue().encode(errors="replace")
