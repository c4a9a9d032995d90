"""Predictions that take too long: their deadline, and the state *stalled* of a service whose threads do not return."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.load import PROBES
from tests.conftest import until
from tests.service import process
from tests.service.process import PREDICTION, Service

OTHER = {"class_path": "tests.service.models.OtherEcho"}
RUNNING = 'model_predictions_running{model="echo"}'
WAITING = 'model_predictions_waiting{model="echo"}'
EXPIRED = 'model_predictions_total{model="echo",outcome="expired"}'
STUCK = 1  # the number at which the model waits for the gate


@pytest.fixture
def clients() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as clients:
        yield clients


@contextmanager
def sticky(folder: Path, *others: dict[str, Any], **limits: float) -> Iterator[Service]:
    arguments = {"gate": str(folder / "gate"), "notes": str(folder / "notes")}
    model = {
        "class_path": "tests.service.difficult_models.Sticky",
        "configuration": arguments,
        "service": {"stall_seconds": 0, "answer_seconds": 0} | limits,
    }
    with process.ready(folder, model, *others) as service:
        yield service
        service.open_gate()


def predicted(folder: Path) -> list[str]:
    return (folder / "notes").read_text().split()


def ask(service: Service, number: float, request_id: str) -> httpx.Response:
    address = service.client.base_url.join(PREDICTION)
    return httpx.post(address, json={"number": number}, headers={"X-Request-ID": request_id}, timeout=60)


def stuck(clients: ThreadPoolExecutor, service: Service, count: int = 1) -> Future[httpx.Response]:
    """Start a prediction that waits for the gate; return its answer to come, once `count` of them have a thread."""
    answer = clients.submit(ask, service, STUCK, f"stuck-{count}")
    until(lambda: service.metric(RUNNING) == count, "it runs")
    return answer


def outcome(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json().get("type", ""), answer.headers.get("retry-after", "")


def test_a_prediction_that_runs_too_long_is_answered_and_keeps_its_place(tmp_path: Path) -> None:
    with sticky(tmp_path, answer_seconds=0.2, waiting=0) as service:
        late = service.predict(STUCK)

        assert outcome(late) == (503, "DeadlineExceeded", "1")
        assert "no answer within 0.2 s" in late.text
        assert service.metric(EXPIRED) == 1
        assert service.metric(RUNNING) == 1
        assert outcome(service.predict(2)) == (503, "Overloaded", "1")
        service.open_gate()
        until(lambda: service.metric(RUNNING) == 0, "its thread is free")
        assert service.predict(2).json() == {"number": 2.0}


def test_a_prediction_that_waits_too_long_is_never_started(tmp_path: Path, clients: ThreadPoolExecutor) -> None:
    with sticky(tmp_path, answer_seconds=0.3) as service:
        running = stuck(clients, service)

        assert outcome(service.predict(2)) == (503, "DeadlineExceeded", "1")
        assert service.metric(WAITING) == 0
        service.open_gate()
        until(lambda: service.metric(RUNNING) == 0, "the first one has ended")
        assert service.predict(3).status_code == 200

        assert predicted(tmp_path) == ["1", "3"]
        assert running.result().status_code == 503
        assert service.metric(EXPIRED) == 2
        assert service.metric('model_predictions_total{model="echo",outcome="answered"}') == 1


def test_a_prediction_whose_client_has_left_the_queue_is_never_started(
    tmp_path: Path, clients: ThreadPoolExecutor
) -> None:
    head = f"POST {PREDICTION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"
    with sticky(tmp_path, waiting=1) as service:
        first = stuck(clients, service)
        with socket.create_connection(service.address, timeout=30) as leaving:
            leaving.sendall(f'{head}{{"number": 2}}'.encode())
            until(lambda: service.metric(WAITING) == 1, "it waits")
        until(lambda: service.metric(WAITING) == 0, "its place is free")
        service.open_gate()

        assert first.result().status_code == 200
        assert service.predict(3).status_code == 200
        assert predicted(tmp_path) == ["1", "3"]
        assert service.metric('model_predictions_total{model="echo",outcome="abandoned"}') == 1
        assert f"POST {PREDICTION} 499 " in service.log


def test_the_deadline_is_set_for_each_model(tmp_path: Path, clients: ThreadPoolExecutor) -> None:
    slow = {"class_path": OTHER["class_path"], "configuration": {"predicts_with": str(tmp_path / "gate")}}
    with sticky(tmp_path, slow | {"service": {"answer_seconds": 0.2}}) as service:
        patient = stuck(clients, service)
        other = service.client.post("/api/models/other_echo/prediction", json={"number": 2})

        assert outcome(other) == (503, "DeadlineExceeded", "1")
        service.open_gate()
        assert patient.result().status_code == 200


def test_a_stalled_model_is_logged_and_the_service_recovers(tmp_path: Path, clients: ThreadPoolExecutor) -> None:
    # The check that answers the stuck prediction comes after the one that finds it stalled.
    with sticky(tmp_path, OTHER, stall_seconds=0.2, answer_seconds=1) as service:
        first = stuck(clients, service)
        until(lambda: service.statuses() == (503, 503, 200), "stalled")
        refused = service.predict(2)
        answer = service.client.post("/api/models/other_echo/prediction", json={"number": 2})

        assert outcome(refused) == (503, "Overloaded", "1"), "it does not wait for its deadline"
        assert "stalled" in refused.text
        assert answer.json() == {"number": 2.0}
        assert outcome(first.result()) == (503, "DeadlineExceeded", "1")
        assert service.statuses() == (503, 503, 200), "the thread has not returned"
        service.open_gate()
        until(lambda: service.statuses() == (200, 200, 200), "ready again")
        assert service.predict(2).status_code == 200
        assert service.log.count("has run for more than") == 1


def test_the_log_has_the_stack_of_each_stuck_thread(tmp_path: Path, clients: ThreadPoolExecutor) -> None:
    with sticky(tmp_path, stall_seconds=0.1, running=2) as service:
        answers = [stuck(clients, service, 1), stuck(clients, service, 2)]
        until(lambda: service.log.count("has run for more than") == 2, "both are reported")
        log = service.log
        service.open_gate()

        for number in (1, 2):
            line = rf"ERROR +\[stuck-{number}\] A prediction of echo has run for more than 0.1 s; its thread is here:"
            assert len(re.findall(line, log)) == 1
        assert log.count("wait_for(self._gate)") == 2
        assert [answer.result().status_code for answer in answers] == [200, 200]


def test_one_stuck_thread_of_two_is_enough_to_be_stalled(tmp_path: Path, clients: ThreadPoolExecutor) -> None:
    with sticky(tmp_path, stall_seconds=0.1, running=2) as service:
        first = stuck(clients, service)
        until(lambda: service.statuses() == (503, 503, 200), "stalled")

        assert [service.predict(number).json() for number in (2, 3)] == [{"number": 2.0}, {"number": 3.0}]
        second = stuck(clients, service, 2)
        until(lambda: service.log.count("has run for more than") == 2, "the other thread is stuck too")
        assert "stalled" in service.predict(4).text, "it does not wait, for it has no deadline"
        service.open_gate()
        assert [first.result().status_code, second.result().status_code] == [200, 200]
        until(lambda: service.client.get(PROBES[1]).status_code == 200, "ready again")


def test_a_client_that_leaves_after_a_large_body_frees_its_place(tmp_path: Path, clients: ThreadPoolExecutor) -> None:
    with sticky(tmp_path, body_limit=1_000_000) as service:
        stuck(clients, service)
        body = b'{"number": 2}'.ljust(900_000)
        head = f"POST {PREDICTION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        with socket.create_connection(service.address, timeout=30) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            until(lambda: service.metric(WAITING) == 1, "it waits")

        until(lambda: service.metric(WAITING) == 0, "its place is free")
