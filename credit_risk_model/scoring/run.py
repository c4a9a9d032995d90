"""A run over a whole file: it can be interrupted and resumed, and publishes its output when it is complete."""

import fcntl
import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from credit_risk_model import atomic_file
from credit_risk_model.loan_files.chunk import Chunk, LoanFileError
from credit_risk_model.scoring.counts import Counts
from credit_risk_model.scoring.error import ScoringError
from credit_risk_model.scoring.job import Job, to_csv
from credit_risk_model.scoring.output import Output, fingerprint

Manifest = dict[str, Any]


def completed_run(output: Output, manifest: Manifest, resume: bool) -> Counts | None:
    """Return the counts of the same run where it is complete already, or None if the output does not exist yet.

    Raises:
        ScoringError: there are files of another run, or of this one without `resume`.
    """
    if output.path.exists():
        summary = _json(output.summary) if resume and output.summary.exists() else None
        if summary is None:
            raise ScoringError(f"{str(output.path)!r} exists already: remove it, or name another output.")
        changes = _changes(summary, manifest)
        if changes:
            raise ScoringError(
                f"{str(output.path)!r} exists already, from a run with other options or input: {'; '.join(changes)}. "
                "Remove it, or name another output."
            )
        shutil.rmtree(output.folder, ignore_errors=True)
        reasons = {entry.pop("reason"): entry for entry in summary["rejected_by_reason"]}
        return Counts(**summary["counts"], forms=summary["forms"], reasons=reasons)
    for path in (output.rejects, output.summary):
        if path.exists() and not output.folder.exists():
            raise ScoringError(f"{str(path)!r} exists already, from another run: remove it, or name another output.")
    return None


@contextmanager
def open_run(output: Output, manifest: Manifest, resume: bool) -> Iterator[None]:
    """Lock the folder of the chunks, which is new or, with `resume`, that of an interrupted run with this manifest.

    Raises:
        ScoringError: there is an interrupted run and no `resume`, its manifest differs, or it is still running.
    """
    path = output.folder / "manifest.json"
    exists = path.exists()
    if not exists and any(each.name != "lock" for each in output.folder.glob("[!.]*")):
        raise ScoringError(f"{str(output.folder)!r} is not from a run: remove it, or name another output.")
    output.folder.mkdir(parents=True, exist_ok=True)
    with (output.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScoringError(f"Another run is writing to {str(output.path)!r}: wait until it ends.") from None
        if exists and not resume:
            raise ScoringError(
                f"A run to {str(output.path)!r} was interrupted: resume it with --resume, or remove "
                f"{str(output.folder)!r} to start over."
            )
        changes = _changes(_json(path), manifest) if exists else []
        if changes:
            raise ScoringError(
                f"The interrupted run to {str(output.path)!r} had other options or input: {'; '.join(changes)}. Run it "
                f"as before, or remove {str(output.folder)!r} to start over."
            )
        if not exists:
            atomic_file.write(path, json.dumps(manifest, indent=2).encode())
        yield


def pending(job: Job, done: dict[int, Counts], skip: Callable[[Chunk], None]) -> Iterator[Chunk]:
    """Yield the chunks that are still to be scored; add the counts of the others to `done`, and `skip` these.

    Raises:
        LoanFileError: the input differs from what an earlier run scored.
    """
    for chunk in job.loans.chunks():
        counts = _completed_counts(job, chunk)
        if counts is None:
            yield chunk
            continue
        if counts.input != chunk.digest:
            raise LoanFileError(
                f"{str(job.loans.path)!r} changed after lines {chunk.line + 1:,} to {chunk.line + chunk.rows:,} were "
                f"scored. Remove {str(job.folder)!r} to start over."
            )
        done[chunk.number] = counts
        skip(chunk)


def _completed_counts(job: Job, chunk: Chunk) -> Counts | None:
    """Return the counts of a chunk that was scored, or None where a file of it is missing or damaged."""
    *files, path = job.paths(chunk.number)
    try:
        counts = Counts(**json.loads(path.read_bytes()))
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return counts if digests == list(counts.files) else None


def publish(job: Job, output: Output, manifest: Manifest, done: Mapping[int, Counts]) -> Counts:
    """Join the chunks, check the counts, and let the scores appear last.

    Raises:
        LoanFileError: the input is not what it was at the start.
        ScoringError: a row or a chunk is missing or damaged.
    """
    ordered = [done[number] for number in sorted(done)]
    counts = Counts.sum(ordered)
    if counts.rows != counts.scored + counts.rejected or sorted(done) != list(range(len(done))):
        raise ScoringError(f"Rows are missing: {counts.rows} read, {counts.scored} scored, {counts.rejected} rejected.")
    if fingerprint(job.loans) != manifest["input"]:
        raise LoanFileError(f"{str(job.loans.path)!r} changed while it was scored: run it again.")
    scores, rejects = output.folder / "scores", output.folder / "rejects"
    with scores.open("wb") as file:
        _join(job, ordered, file)
        atomic_file.flush(file)
    with rejects.open("wb") as file:
        file.write(to_csv([job.rejects_header]))
        for number, each in enumerate(ordered):
            file.write(_intact(job.paths(number)[1], each.files[1]))
        atomic_file.flush(file)
    atomic_file.publish(rejects, output.rejects)
    summary = manifest | {"counts": counts.totals, "forms": counts.forms, "rejected_by_reason": counts.by_reason}
    atomic_file.write(output.summary, json.dumps(summary, indent=2).encode() + b"\n")
    atomic_file.publish(scores, output.path)
    shutil.rmtree(output.folder)
    return counts


def _join(job: Job, ordered: list[Counts], file: IO[bytes]) -> None:
    if job.kind == "parquet":
        with pq.ParquetWriter(file, job.schema) as writer:
            for number, counts in enumerate(ordered):
                content = _intact(job.paths(number)[0], counts.files[0])
                writer.write_table(pq.read_table(pa.BufferReader(content)))
        return
    header = pa.BufferOutputStream()
    pacsv.write_csv(job.schema.empty_table(), header)
    content = header.getvalue().to_pybytes()
    file.write(gzip.compress(content, mtime=0) if job.kind == "csv.gz" else content)
    for number, counts in enumerate(ordered):
        file.write(_intact(job.paths(number)[0], counts.files[0]))


def _intact(path: Path, digest: str) -> bytes:
    """Return the content of a file of a chunk, which has the rows that its counts say."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ScoringError(f"{str(path)!r} was damaged after it was written: run again with --resume.")
    return content


def _json(path: Path) -> Manifest:
    try:
        content: Manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise ScoringError(f"{str(path)!r} is damaged: {error}. Remove it, or name another output.") from error
    return content


def _changes(before: Mapping[str, Any], manifest: Manifest) -> list[str]:
    """Return what of the manifest differs, by the names of the options."""
    changes = []
    for key, value in manifest.items():
        old, new = ("not given" if each is None else each for each in (before.get(key), json.loads(json.dumps(value))))
        name = f"--{key.replace('_', '-')}" if key in _OPTIONS else key
        changes += [f"{name} was {old}, is now {new}"] if old != new else []
    return changes


_OPTIONS = {"chunk_rows", "reasons", "id", "as_of", "decimal", "percent_as"}
