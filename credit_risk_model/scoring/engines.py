"""Where the parts are scored: here, or on a Dask cluster."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from credit_risk_model.scoring.csv_loans import CsvLoans
from credit_risk_model.scoring.loans import Part, ScoringError
from credit_risk_model.scoring.part import Job, put, score
from credit_risk_model.scoring.run import Counts

_AHEAD = 3  # parts for each thread of the cluster that are on their way at once


def local(job: Job, parts: Iterable[Part], threads: int) -> Iterator[tuple[Part, Counts]]:
    """Score one part after the other, each with so many threads."""
    for part in parts:
        yield part, score(job, part, threads)


def dask(job: Job, parts: Iterable[Part], scheduler: str | None, workers: int) -> Iterator[tuple[Part, Counts]]:
    """Score the parts on the cluster of the scheduler, or on one of so many processes that lives as long as this.

    Whoever scores a part reads the loans and writes the answers itself: all see the same files. A part whose worker was
    lost is scored by another one.

    Raises:
        ScoringError: there is no such scheduler, or a part lost one worker after the other.
    """
    try:
        from distributed import Client, KilledWorker, LocalCluster, as_completed
    except ImportError as error:
        raise ScoringError("--engine dask needs the package distributed, which is not installed here.") from error
    with ExitStack() as stack:
        if scheduler is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            cluster: Any = stack.enter_context(
                LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, local_directory=folder)
            )
        try:
            client = stack.enter_context(Client(scheduler or cluster, timeout=30))
        except (OSError, ValueError) as error:
            raise ScoringError(f"No Dask scheduler answers at {scheduler}: {error}.") from error
        running: dict[Any, Part] = {}
        completed = as_completed()

        def take() -> tuple[Part, Counts]:
            future = next(completed)
            part = running.pop(future)
            try:
                return part, future.result()
            except KilledWorker as error:
                raise ScoringError(
                    f"Part {part.number} was given up, it lost one worker after the other: {error}"
                ) from error

        for part in parts:
            sent = _sent(job, part)
            future = client.submit(score, *sent, key=f"part-{os.getpid()}-{part.number}", pure=False)
            running[future] = part
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
    path = job.paths(part.number)[2].with_suffix(".rows")
    put(path, part.content or b"")
    return replace(job, loans=replace(job.loans, path=path)), replace(
        part, content=None, start=0, stop=part.stop - part.start
    )
