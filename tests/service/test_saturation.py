"""More predictions than may run: the surplus is refused, and nothing else notices."""

import socket
import threading
from pathlib import Path

from benchmarks.load import PROBES
from tests.conftest import until
from tests.service import process
from tests.service.process import PREDICTION, Service


def test_predictions_above_the_limit_are_refused_before_their_body_is_sent(tmp_path: Path) -> None:
    with process.saturated(tmp_path) as service:
        head = f"POST {PREDICTION} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
        with socket.create_connection(service.address, timeout=30) as connection:
            connection.sendall(head.encode())
            answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in answer


def test_a_refusal_is_counted(tmp_path: Path) -> None:
    with process.saturated(tmp_path) as service:
        service.predict()

        assert service.metric('model_predictions_total{model="echo",outcome="refused"}') == 1
        assert service.metric('model_predictions_running{model="echo"}') == 1


def test_probes_and_pages_do_not_wait_for_predictions(tmp_path: Path) -> None:
    with process.saturated(tmp_path) as service:
        for path in [*PROBES, "/metrics", "/docs", "/openapi.json", "/api/models"]:
            # As long as the gate is closed, waiting for a prediction would last for ever.
            assert service.client.get(path).status_code == 200


def test_forty_predictions_make_no_more_threads_than_are_set(tmp_path: Path) -> None:
    slow = {"configuration": {"predicts_with": str(tmp_path / "gate")}, "service": {"running": 3}}
    with process.ready(tmp_path, slow) as service:
        service.metric('model_predictions_waiting{model="echo"}')  # has a thread of its own
        before = threads_of(service)
        asking = [threading.Thread(target=service.predict) for _ in range(40)]
        for thread in asking:
            thread.start()
        until(lambda: service.metric('model_predictions_waiting{model="echo"}') == 37, "three run and 37 wait")

        assert threads_of(service) == before + 3
        service.open_gate()
        for thread in asking:
            thread.join()
        assert service.metric('model_predictions_total{model="echo",outcome="answered"}') == 40


def threads_of(service: Service) -> int:
    return len(list(Path(f"/proc/{service.process.pid}/task").iterdir()))


def test_a_saturated_model_does_not_affect_the_others(tmp_path: Path) -> None:
    slow = {"configuration": {"predicts_with": str(tmp_path / "gate")}, "service": {"running": 1, "waiting": 0}}
    other = {"class_path": "tests.service.models.OtherEcho"}
    with process.ready(tmp_path, slow, other) as service:
        asking = threading.Thread(target=service.predict)
        asking.start()
        until(lambda: service.metric('model_predictions_running{model="echo"}') == 1, "one runs")

        assert service.predict().status_code == 503
        assert service.client.post("/api/models/other_echo/prediction", json={"number": 2}).json() == {"number": 2.0}
        service.open_gate()
        asking.join()
