"""The limit of requests in one pass of the event loop."""

import asyncio
from typing import Any

from credit_risk_model.service.throttle import Throttle


def run(work: Any) -> Any:
    return asyncio.run(asyncio.wait_for(work, timeout=30))


async def continued(throttle: Throttle, count: int) -> list[list[int]]:
    """Ask for all of them at once; return those that continue in each pass of the event loop."""
    passes: list[list[int]] = []

    async def ask(number: int) -> None:
        await throttle.wait()
        passes[-1].append(number)

    asking = [asyncio.create_task(ask(number)) for number in range(count)]
    while not all(task.done() for task in asking):
        passes.append([])
        await asyncio.sleep(0)
    return [found for found in passes if found]


def test_no_more_than_the_limit_continue_in_one_pass_and_in_order() -> None:
    passes = run(continued(Throttle(3), 8))

    assert [number for found in passes for number in found] == list(range(8))
    assert all(len(found) <= 3 for found in passes)
    assert len(passes) == 3


def test_a_few_requests_do_not_wait() -> None:
    assert run(continued(Throttle(3), 3)) == [[0, 1, 2]]


def test_a_request_that_waited_continues_in_the_next_pass() -> None:
    assert run(continued(Throttle(1), 3)) == [[0], [1], [2]]


def test_a_cancelled_request_does_not_use_up_the_limit() -> None:
    async def work() -> None:
        throttle = Throttle(1)
        _, cancelled, last = asking = [asyncio.create_task(throttle.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        cancelled.cancel()

        await last
        assert [task.cancelled() for task in asking] == [False, True, False]

    run(work())
