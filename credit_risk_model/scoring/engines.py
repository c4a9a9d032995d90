"""Where the parts are scored: here, or on a Dask cluster."""

import importlib
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from credit_risk_model.scoring.csv_loans import CsvLoans
from credit_risk_model.scoring.loans import Part, ScoringError
from credit_risk_model.scoring.part import Job, put, score
from credit_risk_model.scoring.run import Counts

_AHEAD = 3  # parts for each thread of the cluster that are on their way at once
_PATIENCE = 30  # seconds for a scheduler to answer


def local(job: Job, parts: Iterable[Part], threads: int) -> Iterator[tuple[Part, Counts]]:
    """Score with so many threads; two parts at once, so that one computes while the other one is read or written."""
    at_once = min(2, threads)
    running: deque[tuple[Part, Future[Counts]]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        for part in parts:
            read = job.loans.read(part)
            running.append((replace(part, content=None), pool.submit(score, job, part, read, threads // at_once)))
            if len(running) > at_once:
                done, counts = running.popleft()
                yield done, counts.result()
        for done, counts in running:
            yield done, counts.result()


def dask(job: Job, parts: Iterable[Part], scheduler: str | None, workers: int) -> Iterator[tuple[Part, Counts]]:
    """Score the parts on the cluster of the scheduler, or on one of so many processes that lives as long as this.

    Whoever scores a part reads the loans and writes the answers itself: all see the same files. A part whose worker was
    lost is scored by another one.

    Raises:
        ScoringError: there is no such scheduler, or a part lost one worker after the other.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise ScoringError("--engine dask needs the package distributed, which is not installed here.") from error
    with ExitStack() as stack:
        if scheduler is None:
            scratch = stack.enter_context(tempfile.TemporaryDirectory())
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, local_directory=scratch
            )
            stack.enter_context(cluster)
        try:
            client = stack.enter_context(distributed.Client(scheduler or cluster, timeout=_PATIENCE))
        except (OSError, ValueError) as error:
            raise ScoringError(f"No Dask scheduler answers at {scheduler}: {error}.") from error
        running: dict[Any, Part] = {}
        completed = distributed.as_completed()

        def take() -> tuple[Part, Counts]:
            future = next(completed)
            part = running.pop(future)
            try:
                counts = future.result()
                _unpacked(job, part).unlink(missing_ok=True)
                return part, counts
            except ScoringError:
                raise
            except Exception as error:  # whatever a worker lacks, or a worker lost again and again
                raise ScoringError(f"Part {part.number} failed on the cluster: {error!r}") from error

        for part in parts:
            job_there, part_there = _sent(job, part)
            future = client.submit(score, job_there, part_there, pure=False)
            running[future] = part_there
            completed.add(future)
            if len(running) >= _AHEAD * max(1, sum(client.nthreads().values())):
                yield take()
        while running:
            yield take()


def _sent(job: Job, part: Part) -> tuple[Job, Part]:
    """Return what a worker is told: where a part is, and not its content, which would pass through the scheduler."""
    if not isinstance(job.loans, CsvLoans):
        return job, part
    if not job.loans.is_gzip:
        return job, replace(part, content=None)
    # Nobody can start in the middle of a gzip file: the part is put where the worker finds it, unpacked.
    path = _unpacked(job, part)
    put(path, part.content or b"")
    moved = replace(part, content=None, start=0, stop=part.stop - part.start)
    return replace(job, loans=replace(job.loans, path=path)), moved


def _unpacked(job: Job, part: Part) -> Path:
    return job.folder / f"{part.number:06d}.rows"
