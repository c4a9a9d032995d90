"""The threads that predict, next to an event loop in this process."""

import asyncio
import gc
import threading
import weakref
from contextvars import ContextVar
from typing import Any

import pytest

from credit_risk_model.service.workers import Job, Workers

REQUEST = ContextVar("REQUEST", default="none")


class Client:
    def left(self) -> bool:
        return False


def run(work: Any) -> Any:
    return asyncio.run(asyncio.wait_for(work, timeout=30))


def job(content: bytes = b"") -> Job:
    return Job(content, client_left=lambda: False)


def test_a_job_runs_in_a_thread_with_the_context_of_its_request() -> None:
    async def work() -> bytes:
        REQUEST.set("42")
        workers = Workers(1, "model", lambda _: f"{threading.current_thread().name} {REQUEST.get()}".encode())
        return await workers.run(job())

    assert run(work()) == b"model 42"


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_an_exception_arrives_and_the_thread_lives_on(error: type[BaseException]) -> None:
    def fail(given: Job) -> bytes:
        if given.content == b"bad":
            raise error("wrong")
        return given.content

    async def work() -> bytes:
        workers = Workers(1, "model", fail)
        with pytest.raises(error):
            await workers.run(job(b"bad"))
        return await workers.run(job(b"good"))

    assert run(work()) == b"good"


def test_a_dropped_job_is_forgotten_while_the_thread_is_busy() -> None:
    gate = threading.Event()

    def wait(given: Job) -> bytes:
        gate.wait(30)
        return b""

    async def work() -> None:
        workers = Workers(1, "model", wait)
        running = asyncio.create_task(workers.run(job()))
        client = Client()
        dropped = Job(b"", client.left)
        waiting = asyncio.create_task(workers.run(dropped))
        await asyncio.sleep(0)
        kept = weakref.ref(client)

        workers.drop(dropped, TimeoutError())
        await asyncio.wait([waiting])
        waiting.exception()  # otherwise the log gets it, and keeps its frames
        del client, dropped, waiting
        gc.collect()

        assert kept() is None
        gate.set()
        await running

    run(work())


@pytest.mark.parametrize("by", ["cancellation", "drop"])
def test_a_job_that_is_given_up_before_it_starts_never_runs(by: str) -> None:
    gate = threading.Event()
    ran: list[bytes] = []

    def wait(given: Job) -> bytes:
        ran.append(given.content)
        gate.wait(30)
        return given.content

    async def work() -> None:
        workers = Workers(1, "model", wait)
        first = asyncio.create_task(workers.run(job(b"first")))
        given_up = job(b"second")
        second = asyncio.create_task(workers.run(given_up))
        await asyncio.sleep(0)
        if by == "drop":
            workers.drop(given_up, TimeoutError())
        else:
            second.cancel()
        await asyncio.wait([second])
        assert list(workers.jobs) != []
        assert given_up not in workers.jobs
        gate.set()
        await first
        await workers.run(job(b"third"))

    run(work())

    assert ran == [b"first", b"third"]


def test_a_running_job_that_is_given_up_keeps_its_place_until_its_thread_is_free() -> None:
    gate = threading.Event()

    def wait(given: Job) -> bytes:
        gate.wait(30)
        return given.content

    async def work() -> None:
        workers = Workers(1, "model", wait)
        given_up = job()
        waiting = asyncio.create_task(workers.run(given_up))
        while given_up.started is None:
            await asyncio.sleep(0)
        workers.drop(given_up, TimeoutError())
        with pytest.raises(TimeoutError):
            await waiting
        assert list(workers.jobs) == [given_up]
        gate.set()
        while workers.jobs:
            await asyncio.sleep(0)

    run(work())


def test_a_result_that_comes_after_the_end_of_the_loop_does_no_harm() -> None:
    gate = threading.Event()

    def wait(given: Job) -> bytes:
        gate.wait(30)
        return given.content

    workers = Workers(1, "model", wait)

    async def leave() -> None:
        left = job()
        waiting = asyncio.create_task(workers.run(left))
        while left.started is None:
            await asyncio.sleep(0)
        waiting.cancel()

    run(leave())
    gate.set()

    async def come_back() -> bytes:
        return await workers.run(job(b"done"))

    assert run(come_back()) == b"done"


def test_a_thread_that_could_not_be_started_is_started_with_the_next_job(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> bytes:
        workers = Workers(1, "model", lambda given: given.content)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", _refused)
            with pytest.raises(RuntimeError, match="can't start"):
                await workers.run(job(b"first"))
        return await workers.run(job(b"second"))

    assert run(work()) == b"second"


def _refused(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
