"""The endpoint of a model next to an event loop in this process, with clients that leave and clocks that jump."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import ASGIApp

from credit_risk_model.service import predictions as module
from credit_risk_model.service.access_log import AccessLog
from credit_risk_model.service.errors import Errors
from credit_risk_model.service.metrics import Metrics
from credit_risk_model.service.predictions import Predictions
from credit_risk_model.service.settings import Limits
from credit_risk_model.service.state import Status
from tests.service.difficult_models import Sticky


class Endpoint:
    """A model's endpoint within the parts that log, count and answer errors."""

    def __init__(self, folder: Path, **limits: float) -> None:
        self.gate, self._notes = folder / "gate", folder / "notes"
        model = Sticky(str(self.gate), str(self._notes))
        self.predictions = Predictions(model, Limits.model_validate(limits))
        self.metrics = Metrics(Status())
        self._app: ASGIApp = AccessLog(Errors(self.predictions), self.metrics)

    def predicted(self) -> list[str]:
        return self._notes.read_text().split()

    def count(self, outcome: str) -> float | None:
        return self.metrics.registry.get_sample_value("model_predictions_total", {"model": "echo", "outcome": outcome})

    async def ask(self, number: float, client: SimpleNamespace | None = None) -> int:
        """Return the status of the answer to a client that has `left` or not."""
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b'{"number": %d}' % number, "more_body": False}

        async def send(message: Any) -> None:
            statuses.extend([message["status"]] if "status" in message else [])

        state = {"model": "echo"} | ({} if client is None else {"client_left": lambda: client.left})
        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "headers": headers, "state": state}
        await self._app(scope, receive, send)
        [status] = statuses
        return status

    async def running(self, number: float, client: SimpleNamespace | None = None) -> asyncio.Task[int]:
        """Ask for a prediction that waits for the gate, and wait until it has a thread."""
        asking = asyncio.create_task(self.ask(number, client))
        while not self.predictions.running:
            await asyncio.sleep(0.01)
        return asking

    async def waiting(self, number: float, client: SimpleNamespace | None = None) -> asyncio.Task[int]:
        """Ask for a prediction, and wait until it waits for a thread."""
        asking = asyncio.create_task(self.ask(number, client))
        while not self.predictions.waiting:
            await asyncio.sleep(0.01)
        return asking


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, timeout=30))


def test_a_prediction_whose_client_left_the_queue_is_never_started(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    endpoint, client = Endpoint(tmp_path, waiting=1), SimpleNamespace(left=False)

    async def work() -> None:
        first = await endpoint.running(1)
        second = await endpoint.waiting(2, client)
        endpoint.predictions.check()
        assert endpoint.predictions.is_saturated, "it has not left yet"
        client.left = True
        endpoint.predictions.check()
        await second
        assert not endpoint.predictions.is_saturated, "its place is free"
        endpoint.gate.touch()
        assert await first == 200
        assert await endpoint.ask(3) == 200

    run(work())

    assert endpoint.predicted() == ["1", "3"]
    assert (endpoint.count("abandoned"), endpoint.count("answered")) == (1, 2)
    assert [record.status for record in caplog.records if hasattr(record, "status")] == [499, 200, 200]
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("reason", ["deadline", "client"])
def test_nothing_is_started_that_was_given_up_since_the_last_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    endpoint, client = Endpoint(tmp_path, answer_seconds=5), SimpleNamespace(left=False)

    async def work() -> None:
        first = await endpoint.running(1)
        second = await endpoint.waiting(2, client)
        if reason == "deadline":
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 10))
        else:
            client.left = True
        endpoint.gate.touch()
        assert [await first, await second] == [200, 503 if reason == "deadline" else 499]

    run(work())

    assert endpoint.predicted() == ["1"]


def test_a_prediction_whose_client_left_while_it_ran_keeps_its_place(tmp_path: Path) -> None:
    endpoint, client = Endpoint(tmp_path, waiting=0), SimpleNamespace(left=False)

    async def work() -> None:
        first = await endpoint.running(1, client)
        client.left = True
        endpoint.predictions.check()
        await first
        assert endpoint.predictions.is_saturated, "its thread is not free"
        endpoint.gate.touch()
        while endpoint.predictions.running:
            await asyncio.sleep(0.01)
        assert await endpoint.ask(3) == 200

    run(work())

    assert (endpoint.count("abandoned"), endpoint.count("answered")) == (1, 1)


def test_an_answer_that_is_not_received_is_not_counted_as_answered(tmp_path: Path) -> None:
    endpoint, client = Endpoint(tmp_path), SimpleNamespace(left=True)

    run(ignoring(endpoint.ask(2, client)))

    assert (endpoint.count("abandoned"), endpoint.count("answered")) == (1, None)


async def ignoring(work: Coroutine[Any, Any, Any]) -> None:
    await work


def test_zero_turns_off_the_deadline_and_the_stall_detection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint(tmp_path, answer_seconds=0, stall_seconds=0)

    async def work() -> None:
        first, second = await endpoint.running(1), await endpoint.waiting(2)
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 1e6))
        endpoint.predictions.check()
        assert not endpoint.predictions.is_stalled
        endpoint.gate.touch()
        assert [await first, await second] == [200, 200]

    run(work())


@pytest.mark.parametrize("running", [1, 2])
def test_a_stuck_prediction_is_reported_once_however_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, running: int
) -> None:
    endpoint = Endpoint(tmp_path, answer_seconds=0, stall_seconds=30, running=running)

    async def work() -> None:
        first = await endpoint.running(1)
        endpoint.predictions.check()
        assert not endpoint.predictions.is_stalled
        for hours in (1, 2, 3):
            later = SimpleNamespace(monotonic=lambda hours=hours: time.monotonic() + hours * 3600)
            monkeypatch.setattr(module, "time", later)
            endpoint.predictions.check()
            assert endpoint.predictions.is_stalled
        assert await endpoint.ask(2) == (503 if running == 1 else 200)
        endpoint.gate.touch()
        assert await first == 200
        endpoint.predictions.check()
        assert not endpoint.predictions.is_stalled

    run(work())

    assert caplog.text.count("A prediction of echo has run for more than 30 s") == 1
    assert caplog.text.count("in wait_for") == 1
