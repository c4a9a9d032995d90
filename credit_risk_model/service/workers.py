"""The threads of one model, and the queue of the predictions that wait for them.

An executor was tried first: it wraps each job in a second future with a lock and a condition, which costs more than a
prediction of 10 µs, and it does not know how long a job has run.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue


class Job:
    """One prediction that waits or runs.

    `started` and `ended` are the times (`time.monotonic()`) at which a thread took and finished the job, or None until
    then. `thread` is the identifier of the thread while the job runs.
    """

    __slots__ = ("admitted", "client_left", "content", "context", "ended", "future", "reported", "started", "thread")

    def __init__(self, content: bytes, client_left: Callable[[], bool]) -> None:
        self.content = content
        self.client_left = client_left
        self.context = copy_context()
        self.future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.admitted = time.monotonic()
        self.started: float | None = None
        self.ended: float | None = None
        self.thread = 0
        self.reported = False


class Workers:
    """At most `count` threads, which run `work` for one job after the other, in the order of their admission."""

    def __init__(self, count: int, name: str, work: Callable[[Job], bytes]) -> None:
        self.jobs: dict[Job, None] = {}
        """All waiting and running jobs. A running job that is dropped stays until its thread is free again."""
        self._not_started = count
        self._name = name
        self._work = work
        self._waiting: deque[Job] = deque()
        self._wake: SimpleQueue[None] = SimpleQueue()  # one item for each job, dropped ones included

    async def run(self, job: Job) -> bytes:
        """Return what `work` returns for the job in a thread, or raise what it raises there."""
        if self._not_started:
            threading.Thread(target=self._run_jobs, name=self._name, daemon=True).start()
            self._not_started -= 1  # stays as it is if the thread could not be started
        self.jobs[job] = None
        self._waiting.append(job)
        self._wake.put(None)
        try:
            return await job.future
        except asyncio.CancelledError:
            self.drop(job)
            raise

    def drop(self, job: Job, error: Exception | None = None) -> None:
        """Drop a job: it never runs if it still waits, and its caller gets `error`."""
        with suppress(ValueError):  # it does not wait any more
            self._waiting.remove(job)  # is atomic, as popleft is
            del self.jobs[job]
        if error is not None and not job.future.done():
            job.future.set_exception(error)

    def _run_jobs(self) -> None:
        while True:
            self._wake.get()
            try:
                job = self._waiting.popleft()
            except IndexError:  # it was dropped
                continue
            job.thread = threading.get_ident()
            job.started = time.monotonic()
            settle: Callable[..., None] = job.future.set_result
            outcome: bytes | BaseException
            try:
                outcome = job.context.run(self._work, job)
            except BaseException as error:  # SystemExit must not end the thread
                settle, outcome = job.future.set_exception, error
            job.thread = 0
            job.ended = time.monotonic()
            with suppress(RuntimeError):  # the loop was closed meanwhile
                job.future.get_loop().call_soon_threadsafe(self._settle, job, settle, outcome)
            del job, settle, outcome  # they would stay in memory until the next job

    def _settle(self, job: Job, settle: Callable[..., None], outcome: bytes | BaseException) -> None:
        del self.jobs[job]
        if not job.future.done():
            settle(outcome)
