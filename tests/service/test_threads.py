"""The threads that predict, beside an event loop in this process."""

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from credit_risk_model.service.threads import Threads

REQUEST = ContextVar("REQUEST", default="none")


def run(work: Any) -> Any:
    return asyncio.run(asyncio.wait_for(work, timeout=30))


def test_a_job_runs_in_a_thread_with_the_context_of_its_request() -> None:
    async def work() -> tuple[str, str]:
        REQUEST.set("42")
        return await Threads(1, "model").run(lambda _: (threading.current_thread().name, REQUEST.get()), None)

    assert run(work()) == ("model", "42")


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_what_a_job_raises_arrives_and_the_thread_lives_on(error: type[BaseException]) -> None:
    def fail(_: Any) -> None:
        raise error("wrong")

    async def work() -> int:
        threads = Threads(1, "model")
        with pytest.raises(error):
            await threads.run(fail, None)
        return await threads.run(abs, -1)

    assert run(work()) == 1


def test_a_stop_iteration_which_no_future_takes_arrives_as_another_error() -> None:
    async def work() -> None:
        await Threads(1, "model").run(next, iter([]))

    with pytest.raises(RuntimeError, match="StopIteration"):
        run(work())


def test_a_job_that_nobody_waits_for_any_more_is_left_out() -> None:
    gate = threading.Event()
    ran: list[str] = []

    async def work() -> None:
        threads = Threads(1, "model")
        first = asyncio.create_task(threads.run(lambda _: gate.wait(30), None))
        second = asyncio.create_task(threads.run(ran.append, "second"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        gate.set()
        await first
        await threads.run(ran.append, "third")

    run(work())

    assert ran == ["third"]


def test_a_result_that_comes_after_the_end_of_the_loop_does_no_harm() -> None:
    gate, done = threading.Event(), threading.Event()
    threads = Threads(1, "model")

    async def leave() -> None:
        waiting = asyncio.create_task(threads.run(lambda _: gate.wait(30), None))
        await asyncio.sleep(0)
        waiting.cancel()

    run(leave())
    gate.set()

    async def come_back() -> None:
        await threads.run(lambda _: done.set(), None)

    run(come_back())
    assert done.is_set()


def test_a_thread_that_could_not_be_started_is_started_with_the_next_job(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> int:
        threads = Threads(1, "model")
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", _refused)
            with pytest.raises(RuntimeError, match="can't start"):
                await threads.run(abs, -1)
        return await threads.run(abs, -2)

    assert run(work()) == 2


def _refused(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
