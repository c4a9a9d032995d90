"""What happens from the signal to the exit, under real load."""

import http.client
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from tests.conftest import until
from tests.service import process
from tests.service.process import PREDICTION, Service

BODY = json.dumps({"number": 7})
HEADERS = {"Content-Type": "application/json"}
HEAD = f"POST {PREDICTION} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
REQUEST = (HEAD + BODY).encode()


class Load:
    """Clients in threads, which send requests until the listener is closed."""

    def __init__(self, service: Service, clients: int, keep_alive: bool) -> None:
        self.answered = 0
        self.lost: list[str] = []
        self._address = service.address
        self._keep_alive = keep_alive
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while True:
            connection = http.client.HTTPConnection(*self._address, timeout=30)
            try:
                connection.connect()
            except ConnectionRefusedError:
                return
            asked = 0
            try:
                while True:
                    asked += 1
                    connection.request("POST", PREDICTION, BODY, HEADERS)
                    answer = connection.getresponse()
                    if (answer.status, answer.read()) != (200, b'{"number":7.0}'):
                        self.lost.append(str(answer.status))
                    self.answered += 1
                    if answer.will_close or not self._keep_alive:
                        break
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(f"request {asked} of a connection: {error!r}")
            finally:
                connection.close()


@pytest.mark.parametrize(("stay_ready_seconds", "drain_seconds"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("keep_alive", [True, False])
def test_no_request_is_lost_from_the_signal_to_the_exit(
    tmp_path: Path, keep_alive: bool, stay_ready_seconds: int, drain_seconds: int
) -> None:
    settings = {"stay_ready_seconds": stay_ready_seconds, "drain_seconds": drain_seconds}
    with process.ready(tmp_path, service=settings) as service:
        load = Load(service, clients=16, keep_alive=keep_alive)
        until(lambda: load.answered > 500, "the load runs")
        before = load.answered

        service.signal()
        load.join()

        assert service.process.wait(timeout=30) == 0
        assert load.lost == []
        assert load.answered > before or not any(settings.values())


def test_what_is_in_flight_ends_after_the_listener_has_closed(tmp_path: Path) -> None:
    slow = {"configuration": {"predicts_with": str(tmp_path / "gate")}, "service": {"running": 2}}

    with process.ready(tmp_path, slow, service={"drain_seconds": 0}) as service:
        answers: list[httpx.Response] = []
        threads = [threading.Thread(target=lambda: answers.append(service.predict())) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: service.metric('model_predictions_waiting{model="echo"}') == 2, "two run and two wait")
        service.signal()
        until(lambda: refuses(service), "the listener is closed")
        service.open_gate()
        for thread in threads:
            thread.join()

        assert [answer.status_code for answer in answers] == [200] * 4
        assert service.process.wait(timeout=30) == 0


@pytest.mark.parametrize("is_first", [True, False])
def test_a_request_whose_head_is_half_there_at_the_close_is_answered(tmp_path: Path, is_first: bool) -> None:
    with process.ready(tmp_path, service={"drain_seconds": 0, "finish_seconds": 60}) as service:
        with socket.create_connection(service.address, timeout=30) as client:
            if not is_first:
                client.sendall(REQUEST)
                answer = b""
                while not answer.endswith(b'{"number":7.0}'):
                    answer += client.recv(65_536)
            close_during(service, client, REQUEST[:30])
            client.sendall(REQUEST[30:])

            answer = client.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b'{"number":7.0}')
        assert answer.count(b"HTTP/1.1") == 1
        assert service.process.wait(timeout=30) == 0


def test_the_answer_to_a_request_that_was_half_there_says_that_the_connection_closes(tmp_path: Path) -> None:
    with process.loading(tmp_path) as service:
        with socket.create_connection(service.address, timeout=30) as client:
            close_during(service, client, b"GET /api/health/startup")
            client.sendall(b" HTTP/1.1\r\nHost: a\r\n\r\n")

            assert b"\r\nconnection: close\r\n" in client.makefile("rb").read()
        assert service.process.wait(timeout=30) == 0


def test_a_second_interrupt_ends_the_service_without_a_traceback(tmp_path: Path) -> None:
    with process.ready(tmp_path, service={"finish_seconds": 3600}) as service:
        with socket.create_connection(service.address, timeout=30) as client:
            close_during(service, client, b"GET /", signal.SIGINT)
            service.signal(signal.SIGINT)

            assert service.process.wait(timeout=30) == 0
        assert "Traceback" not in service.log


def close_during(service: Service, client: socket.socket, part: bytes, number: signal.Signals = signal.SIGTERM) -> None:
    """Send a part of a request, stop the service, and wait until it has closed what is idle."""
    with socket.create_connection(service.address, timeout=30) as idle:
        client.sendall(part)
        service.signal(number)
        assert idle.recv(1) == b""


def refuses(service: Service) -> bool:
    try:
        service.client.get("/api/health")
    except httpx.ConnectError:
        return True
    return False


@pytest.mark.parametrize("state", [process.terminating, process.draining], ids=lambda state: state.__name__)
def test_an_answer_while_terminating_closes_the_connection(
    tmp_path: Path, state: Callable[[Path], AbstractContextManager[Service]]
) -> None:
    with state(tmp_path) as service:
        assert service.predict().headers["connection"] == "close"


def test_the_drain_lasts_as_long_as_it_is_set(tmp_path: Path) -> None:
    with process.ready(tmp_path, service={"drain_seconds": 1.5}) as service:
        start = time.monotonic()
        service.signal()

        assert service.process.wait(timeout=30) == 0
        assert time.monotonic() - start >= 1.5


def test_the_service_stays_ready_for_as_long_as_it_is_set_and_then_drains(tmp_path: Path) -> None:
    with process.ready(tmp_path, service={"stay_ready_seconds": 1.5, "drain_seconds": 60}) as service:
        start = time.monotonic()
        service.drain()

        assert time.monotonic() - start >= 1.5
        assert service.predict().status_code == 200
        assert re.search(r"SIGTERM: staying ready for 1.5 s.*SIGTERM: draining for 60 s", service.log, re.DOTALL)


def test_a_stalled_service_drains_at_once(tmp_path: Path) -> None:
    stuck = {"configuration": {"predicts_with": str(tmp_path / "gate")}, "service": {"stall_seconds": 0.1}}

    with process.ready(tmp_path, stuck, service={"stay_ready_seconds": 3600, "drain_seconds": 60}) as service:
        asking = threading.Thread(target=service.predict)
        asking.start()
        until(lambda: service.statuses() == (503, 503, 200), "stalled")
        service.signal()
        until(lambda: service.statuses() == (200, 503, 200), "draining")
        service.open_gate()
        asking.join()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("state", [process.terminating, process.draining], ids=lambda state: state.__name__)
def test_a_second_signal_ends_the_drain(
    tmp_path: Path, state: Callable[[Path], AbstractContextManager[Service]], second: signal.Signals
) -> None:
    with state(tmp_path) as service:  # for a minute
        service.signal(second)

        assert service.process.wait(timeout=30) == 0


def test_an_interrupt_does_not_drain(tmp_path: Path) -> None:
    with process.ready(tmp_path, service={"drain_seconds": 3600}) as service:
        service.signal(signal.SIGINT)

        assert service.process.wait(timeout=30) == 0


def test_a_load_that_never_ends_does_not_hold_the_process(tmp_path: Path) -> None:
    with process.loading(tmp_path) as service:
        service.signal()

        assert service.process.wait(timeout=30) == 0


def test_a_refused_body_that_never_ends_holds_the_process_for_a_set_time(tmp_path: Path) -> None:
    head = f"POST {PREDICTION} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n"

    with process.ready(tmp_path, service={"drain_seconds": 0, "finish_seconds": 1}) as service:
        with socket.create_connection(service.address, timeout=30) as connection:
            connection.sendall(head.encode())
            assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")
            service.signal()

            assert service.process.wait(timeout=30) == 0
        assert "Traceback" not in service.log


def test_the_rest_of_a_refused_body_is_read_before_a_kept_connection_closes(tmp_path: Path) -> None:
    head = f"POST {PREDICTION} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\n"

    with process.ready(tmp_path, service={"drain_seconds": 0, "finish_seconds": 60}) as service:
        with (
            socket.create_connection(service.address, timeout=30) as refused,
            socket.create_connection(service.address, timeout=30) as idle,
        ):
            refused.sendall(head.encode())
            answer = b""
            while not answer.endswith(b"}"):
                answer += refused.recv(65_536)
            service.signal()
            assert idle.recv(1) == b"", "the server closes what is idle"
            for _ in range(2):
                refused.sendall(b"text")  # raises an exception after a reset

            assert answer.startswith(b"HTTP/1.1 415 ")
            assert b"connection: close" not in answer
            assert refused.recv(1) == b""
        assert service.process.wait(timeout=30) == 0


def test_a_prediction_that_never_ends_holds_the_process_for_a_set_time(tmp_path: Path) -> None:
    endless = {"configuration": {"predicts_with": str(tmp_path / "gate")}}

    with process.ready(tmp_path, endless, service={"drain_seconds": 0, "finish_seconds": 1}) as service:
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(service.predict()))
        asking.start()
        until(lambda: service.metric('model_predictions_running{model="echo"}') == 1, "one runs")
        service.signal()

        assert service.process.wait(timeout=30) == 0
        asking.join()
        assert [(answer.status_code, answer.json()["type"]) for answer in answers] == [(503, "Stopping")]
