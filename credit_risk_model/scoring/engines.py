"""Where the parts are scored: here, or on a Dask cluster."""

import importlib
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from credit_risk_model.scoring.csv_loans import CsvLoans
from credit_risk_model.scoring.loans import Part, ScoringError, StalledError
from credit_risk_model.scoring.part import Job, put, score
from credit_risk_model.scoring.run import Counts

_AHEAD = 3  # parts for each thread of the cluster that are on their way at once
_ANSWER_SECONDS = 30  # for a scheduler
_KEPT = "What is done is kept, and --resume goes on from there."
_LOST = f"The run stopped: the connection to the Dask scheduler was lost. {_KEPT}"


def local(job: Job, parts: Iterable[Part], threads: int) -> Iterator[tuple[Part, Counts]]:
    """Score with `threads` threads; two parts at once, so that one computes while the other one is read or written."""
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


def dask(
    job: Job, parts: Iterable[Part], scheduler: str | None, workers: int, patience: float
) -> Iterator[tuple[Part, Counts]]:
    """Score the parts on the cluster of the scheduler, or on a local one of `workers` processes that ends with the run.

    The worker that scores a part reads the loans and writes the answers itself: all see the same files. A part whose
    worker was lost is scored by another one.

    Raises:
        ScoringError: there is no such scheduler, or a part lost one worker after the other.
        StalledError: no part was finished for `patience` seconds, or the scheduler was lost.
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
            client = stack.enter_context(distributed.Client(scheduler or cluster, timeout=_ANSWER_SECONDS))
        except (OSError, ValueError) as error:
            raise ScoringError(f"No Dask scheduler answers at {scheduler}: {error}.") from error
        running: dict[Any, Part] = {}

        def finished() -> Iterator[tuple[Part, Counts]]:
            done, _ = distributed.wait(list(running), timeout=patience, return_when="FIRST_COMPLETED")
            for future in done:
                part = running.pop(future)
                try:
                    counts = future.result(timeout=patience)  # it asks the scheduler
                except (ScoringError, CancelledError, TimeoutError):
                    raise
                except Exception as error:
                    if future.status == "error":  # whatever a worker lacks, or a worker lost again and again
                        raise ScoringError(f"Part {part.number} failed on the cluster: {error!r}") from error
                    raise StalledError(_LOST) from error  # it succeeded, and its result did not arrive
                _unpacked(job, part).unlink(missing_ok=True)
                yield part, counts

        try:
            for part in parts:
                job_there, part_there = _sent(job, part)
                running[client.submit(score, job_there, part_there, pure=False)] = part_there
                threads = sum(worker["nthreads"] for worker in (_workers(client) or {}).values())
                if len(running) >= _AHEAD * max(1, threads):
                    yield from finished()
            while running:
                yield from finished()
        except TimeoutError:
            reason = f"no part was finished for {patience:,.0f} s; {_why(_workers(client))}"
            raise StalledError(f"The run stopped: {reason}. {_KEPT}") from None
        except (CancelledError, distributed.client.ClosedClientError) as error:
            raise StalledError(_LOST) from error


def _workers(client: Any) -> dict[str, dict[str, Any]] | None:
    """Return what the scheduler knows of each worker, or None where it does not answer."""
    try:
        state = client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=_ANSWER_SECONDS)
    except (OSError, TimeoutError):
        return None
    found: dict[str, dict[str, Any]] = state["workers"]
    return found


def _why(workers: dict[str, dict[str, Any]] | None) -> str:
    """Return why no part is finished, as far as the scheduler tells."""
    paused = [worker for worker in (workers or {}).values() if worker["status"] == "paused"]
    if workers is None:
        return "the Dask scheduler does not answer"
    if not workers:
        return "the Dask cluster has no workers"
    if paused:
        used = sum(worker["metrics"]["memory"] for worker in paused) / 2**20
        limit = sum(worker["memory_limit"] for worker in paused) / 2**20
        return (
            f"{len(paused)} of {len(workers)} Dask workers are paused because their memory is full ({used:,.0f} of "
            f"{limit:,.0f} MiB): give them more, or start over with a smaller --part-rows"
        )
    return f"{len(workers)} Dask workers are there: if a part takes longer than that, raise --patience"


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
