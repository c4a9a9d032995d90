"""A run over a whole file: begun, stopped and gone on with, and whole at the end."""

import fcntl
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from credit_risk_model.scoring.loans import Part, ScoringError
from credit_risk_model.scoring.part import REJECTS_HEADER, Job, publish, put

KINDS = ("parquet", "csv.gz", "csv")
_EDGE = 1024 * 1024  # bytes at either end of a file that tell it apart: a Parquet file has its statistics there

Counts = dict[str, int]
Engine = Callable[[Job, Iterable[Part]], Iterator[tuple[Part, Counts]]]


@dataclass(frozen=True)
class Output:
    """What a run leaves behind, and the folder where its parts are until then."""

    path: Path

    @property
    def kind(self) -> str:
        """What the name says that the file shall be.

        Raises:
            ScoringError: it says none of `KINDS`.
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
        """What was scored, with what, and how many rows."""
        return self.path.with_name(f"{self.path.name}.summary.json")

    @property
    def folder(self) -> Path:
        """The parts."""
        return self.path.with_name(f"{self.path.name}.parts")


def fingerprint(path: Path) -> dict[str, Any]:
    """Return what tells this file from another one, without reading all of it."""
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        digest = hashlib.sha256(file.read(_EDGE))
        file.seek(max(0, state.st_size - _EDGE))
        digest.update(file.read())
    return {"bytes": state.st_size, "modified_ns": state.st_mtime_ns, "sha256_of_both_ends": digest.hexdigest()}


def finished(output: Output, manifest: dict[str, Any], resume: bool) -> Counts | None:
    """Return the counts of an output that the same run left behind, or None where there is no output yet.

    Raises:
        ScoringError: there is one, and no `resume`, or another run made it.
    """
    if not output.path.exists():
        return None
    if resume and output.summary.exists() and not output.folder.exists():
        summary = json.loads(output.summary.read_bytes())
        if {key: summary.get(key) for key in manifest} == manifest:
            counts: Counts = summary["counts"]
            return counts
    raise ScoringError(f"{str(output.path)!r} is there already: remove it, or name another output.")


@contextmanager
def begun(output: Output, manifest: dict[str, Any], resume: bool) -> Iterator[None]:
    """Hold the folder of the parts, made new or, with `resume`, as a stopped run of the same manifest left it.

    Raises:
        ScoringError: there is a stopped run and no `resume`, the run was another one, or it still goes on.
    """
    path = output.folder / "manifest.json"
    if not resume and output.folder.exists():
        raise ScoringError(
            f"A run to {str(output.path)!r} was stopped: go on with --resume, or remove {str(output.folder)!r}."
        )
    output.folder.mkdir(parents=True, exist_ok=resume)
    with (output.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScoringError(f"Another run is writing to {str(output.folder)!r}.") from None
        if path.exists():
            before = json.loads(path.read_bytes())
            changed = [
                f"{key} was {before.get(key)}, is {value}"
                for key, value in manifest.items()
                if before.get(key) != value
            ]
            if changed:
                raise ScoringError(
                    f"The stopped run to {str(output.path)!r} was another one: {'; '.join(changed)}. Run it as before, "
                    f"or remove {str(output.folder)!r} to start over."
                )
        else:
            put(path, json.dumps(manifest, indent=2).encode())
        yield


def missing(job: Job, done: list[Counts], progress: Callable[[Part], None]) -> Iterator[Part]:
    """Yield the parts that are still to be scored; append the counts of each of the others to `done`."""
    for part in job.loans.parts():
        counts = job.paths(part.number)[2]
        if counts.exists():
            done.append(json.loads(counts.read_bytes()))
            progress(part)
        else:
            yield part


def finish(job: Job, output: Output, manifest: dict[str, Any], done: list[Counts]) -> Counts:
    """Join the parts, check the counts, and let the output appear, last of all.

    Raises:
        ScoringError: a row is missing, or the input is not what it was at the start.
    """
    counts = {key: sum(part[key] for part in done) for key in ("rows", "scored", "rejected")}
    if counts["rows"] != counts["scored"] + counts["rejected"]:
        raise ScoringError(f"Rows are missing: {counts}.")
    if fingerprint(job.loans.path) != manifest["input"]:
        raise ScoringError(f"{str(job.loans.path)!r} changed while it was scored: run it again.")
    answers, rejects = output.folder / "answers", output.folder / "rejects"
    with answers.open("wb") as file:
        _join(job, len(done), file)
        _sync(file)
    with rejects.open("wb") as file:
        file.write(REJECTS_HEADER.encode())
        for number in range(len(done)):
            file.write(job.paths(number)[1].read_bytes())
        _sync(file)
    publish(rejects, output.rejects)
    put(output.summary, json.dumps(manifest | {"counts": counts}, indent=2).encode() + b"\n")
    publish(answers, output.path)
    shutil.rmtree(output.folder)
    return counts


def _join(job: Job, parts: int, file: IO[bytes]) -> None:
    if job.kind == "parquet":
        with pq.ParquetWriter(file, job.schema) as writer:
            for number in range(parts):
                writer.write_table(pq.read_table(job.paths(number)[0]))
        return
    header = pa.BufferOutputStream()
    pacsv.write_csv(job.schema.empty_table(), header)
    content = header.getvalue().to_pybytes()
    file.write(gzip.compress(content, mtime=0) if job.kind == "csv.gz" else content)
    for number in range(parts):
        with job.paths(number)[0].open("rb") as part:
            shutil.copyfileobj(part, file)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
