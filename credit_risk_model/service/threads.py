"""Threads that work for the event loop, at a fraction of what `run_in_executor` costs."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, TypeVar

# How long a thread that predicts may keep the event loop, and so a probe, waiting; Python's own is 5 ms. With batches
# of 1,000 loans all the time, single predictions were twice as many.
SWITCH_SECONDS = 0.001

T = TypeVar("T")
_Job = tuple[asyncio.AbstractEventLoop, asyncio.Future[Any], Context, Callable[[Any], Any], Any]


class Threads:
    """At most so many threads; a job waits in a queue until one is free.

    An executor wraps each job in a second future with a lock and a condition, and chains the two; a prediction that
    takes 30 µs would pay more for these than for itself.
    """

    def __init__(self, count: int, name: str) -> None:
        self._missing = count
        self._name = name
        self._jobs: SimpleQueue[_Job] = SimpleQueue()

    async def run(self, function: Callable[[Any], T], argument: Any) -> T:
        """Return what the function returns in a thread, or raise what it raises there."""
        if self._missing:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
            self._missing -= 1  # a thread that could not be started is still missing
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((loop, future, copy_context(), function, argument))
        return await future

    def _work(self) -> None:
        while True:
            loop, future, context, function, argument = self._jobs.get()
            if future.cancelled():
                continue
            settle: Callable[[Any], None] = future.set_result
            try:
                outcome = context.run(function, argument)
            except BaseException as error:  # a model may call sys.exit, which must not end the thread
                settle, outcome = future.set_exception, error
                if isinstance(error, StopIteration):  # no future takes it
                    outcome = RuntimeError("StopIteration was raised")
                    outcome.__cause__ = error
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_settle, future, settle, outcome)
            del future, settle, outcome, context, argument  # until the next job, which may be long in coming


def _settle(future: asyncio.Future[Any], settle: Callable[[Any], None], outcome: Any) -> None:
    if not future.done():  # who waited for it may have left
        settle(outcome)
