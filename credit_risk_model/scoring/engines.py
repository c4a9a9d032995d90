"""Where the chunks are scored: here, or on a Dask cluster."""

import importlib
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from credit_risk_model.loan_files.chunk import Chunk, LoanFileError
from credit_risk_model.scoring.counts import Counts
from credit_risk_model.scoring.error import ScoringError, StalledError
from credit_risk_model.scoring.job import Job, score

_AHEAD = 3  # chunks for each thread of the cluster that are sent at once
_ANSWER_SECONDS = 30  # for a scheduler
_NOTICE_SECONDS = 30  # after which a run says what it waits for
_RESUME = "What is done is kept; --resume continues from there."
_LOST = f"The run was interrupted: the connection to the Dask scheduler was lost. {_RESUME}"

Scored = Generator[tuple[Chunk, Counts], None, None]
Progress = Callable[[float], None]  # gets how much of the input was scored, in the unit of the sizes of chunks


class _Interrupted(Exception):  # noqa: N818  # not an error
    """The run ends, and what a thread computes is not needed any more."""


def local(job: Job, chunks: Iterable[Chunk], progress: Progress, threads: int) -> Scored:
    """Score with `threads` threads; two chunks at once, so that one is computed while another is read or written.

    With reasons, whose chunks are small, each thread has a chunk of its own. Where the run ends early, the threads end
    after the slice that they are at.
    """
    at_once = threads if job.reasons else min(2, threads)
    running: deque[tuple[Chunk, Future[Counts]]] = deque()
    ending = threading.Event()

    def scored(chunk: Chunk, read: Any) -> Counts:
        left = float(chunk.size)

        def advance(rows: int) -> None:
            nonlocal left
            if ending.is_set():
                raise _Interrupted
            size = chunk.size * rows / chunk.rows
            left -= size
            progress(size)

        counts = score(job, chunk, read, -(-threads // at_once), advance)
        progress(left)
        return counts

    pool = ThreadPoolExecutor(at_once)
    try:
        for chunk in chunks:
            read = job.loans.read(chunk)
            without = replace(chunk, content=None)
            running.append((without, pool.submit(scored, without, read)))
            del read
            if len(running) > at_once:
                done, future = running.popleft()
                yield done, future.result()
        while running:
            done, future = running.popleft()
            yield done, future.result()
    finally:
        ending.set()
        pool.shutdown(cancel_futures=True)


def dask(
    job: Job,
    chunks: Iterable[Chunk],
    progress: Progress,
    scheduler: str | None,
    workers: int,
    patience: float,
) -> Scored:
    """Score on the cluster of the scheduler, or on a local one of `workers` processes that ends with the run.

    The worker that scores a chunk reads the loans and writes the scores itself: all see the same files. A chunk whose
    worker was lost is scored by another one.

    Raises:
        ScoringError: no scheduler answers, or several workers were lost while they scored the same chunk.
        StalledError: no chunk was finished for `patience` seconds, or the scheduler was lost.
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
        if not _workers(client):
            _say(f"Waiting up to {patience:,.0f} s for workers: the Dask cluster has none.")
        running: dict[Any, Chunk] = {}

        def first_completed() -> set[Any]:
            deadline = time.monotonic() + patience
            while True:
                left = max(0.0, deadline - time.monotonic())
                try:
                    done, _ = distributed.wait(
                        list(running), timeout=min(left, _NOTICE_SECONDS), return_when="FIRST_COMPLETED"
                    )
                    return set(done)
                except TimeoutError:
                    if left <= _NOTICE_SECONDS:
                        raise
                    waited = patience - left + _NOTICE_SECONDS
                    _say(f"No chunk was finished for {waited:,.0f} s; {_why(_workers(client))}.")

        def finished() -> Scored:
            for future in first_completed():
                chunk = running.pop(future)
                try:
                    counts = future.result(timeout=patience)  # it asks the scheduler
                except (ScoringError, LoanFileError, CancelledError, TimeoutError):
                    raise
                except Exception as error:
                    if future.status == "error":  # a worker lacks something, or one was lost again and again
                        raise ScoringError(f"Chunk {chunk.number} failed on the cluster: {error!r}") from error
                    raise StalledError(_LOST) from error  # it succeeded, and its result did not arrive
                _unpacked(job, chunk).unlink(missing_ok=True)
                progress(chunk.size)
                yield chunk, counts

        try:
            for chunk in chunks:
                # Its content would pass through the scheduler: the worker is told where to read it.
                loans_there, chunk_there = job.loans.sent(chunk, _unpacked(job, chunk))
                future = client.submit(score, replace(job, loans=loans_there), chunk_there, pure=False)
                running[future] = replace(chunk, content=None)
                threads = sum(worker["nthreads"] for worker in (_workers(client) or {}).values())
                if len(running) >= _AHEAD * max(1, threads):
                    yield from finished()
            while running:
                yield from finished()
        except TimeoutError:
            reason = f"no chunk was finished for {patience:,.0f} s; {_why(_workers(client))}"
            raise StalledError(f"The run was interrupted: {reason}. {_RESUME}") from None
        except (CancelledError, distributed.client.ClosedClientError) as error:
            raise StalledError(_LOST) from error


def _say(words: str) -> None:
    tqdm.write(words, file=sys.stderr)  # above the progress bar


def _workers(client: Any) -> dict[str, dict[str, Any]] | None:
    """Return the state of each worker, or None where the scheduler does not answer."""
    try:
        state = client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=_ANSWER_SECONDS)
    except (OSError, TimeoutError):
        return None
    workers: dict[str, dict[str, Any]] = state["workers"]
    return workers


def _why(workers: dict[str, dict[str, Any]] | None) -> str:
    """Return why no chunk is finished, as far as the scheduler knows."""
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
            f"{limit:,.0f} MiB): give them more memory, or start over with a smaller --chunk-rows"
        )
    return f"the Dask cluster has {len(workers)} workers: if a chunk takes longer than that, raise --patience"


def _unpacked(job: Job, chunk: Chunk) -> Path:
    return job.folder / f"{chunk.number:06d}.rows"
