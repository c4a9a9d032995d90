"""The log, also where standard error is read late or never."""

import http.client
import os
import re
import select
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.load import PROBES
from tests.conftest import ROOT, until
from tests.service import process
from tests.service.process import PREDICTION

REQUESTS = 2_000
LONG_PATH = "/nowhere/" + "x" * 30_000  # so that the lines need far more room than there is
LISTENING = re.compile(rb"running on (http://[^\s\"]+)")


class Piped:
    """A service that writes its log into a pipe, which is read only on demand."""

    def __init__(self, started: subprocess.Popen[bytes]) -> None:
        assert started.stderr is not None
        self.process = started
        self.pipe = started.stderr
        self.log = b""
        found = until(lambda: LISTENING.search(self.read()), "listening")
        self.client = httpx.Client(base_url=found[1].decode(), timeout=30)

    def read(self) -> bytes:
        """Read what has arrived; return everything read so far."""
        while select.select([self.pipe], [], [], 0)[0] and (piece := os.read(self.pipe.fileno(), 65_536)):
            self.log += piece
        return self.log

    def metric(self, name: str) -> float:
        [line] = [line for line in self.client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
        return float(line.split()[1])

    def ask(self, count: int) -> None:
        """Ask for an unknown route with two clients."""

        def asking() -> None:
            url = self.client.base_url
            connection = http.client.HTTPConnection(url.host, url.port, timeout=30)
            for _ in range(count // 2):
                connection.request("GET", LONG_PATH)
                answer = connection.getresponse()
                answer.read()
                statuses.append(answer.status)
            connection.close()

        statuses: list[int] = []
        threads = [threading.Thread(target=asking) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [404] * count


@contextmanager
def piped(
    folder: Path, *models: dict[str, Any], logging: dict[str, Any] | None = None, **settings: Any
) -> Iterator[Piped]:
    content = {} if logging is None else {"logging": logging}
    configuration = process.write_configuration(folder, *models, service=settings, **content)
    with subprocess.Popen(
        [*process.COMMAND, "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"REST_CONFIG": str(configuration)},
        stderr=subprocess.PIPE,
    ) as started:
        try:
            service = Piped(started)
            until(lambda: service.client.get(PROBES[1]).status_code == 200, "ready")
            yield service
            service.client.close()
        finally:
            started.kill()


def test_a_log_that_is_not_read_delays_nothing_and_can_be_read_later(tmp_path: Path) -> None:
    with piped(tmp_path) as service:
        assert service.metric("log_lines_dropped_total") == 0
        service.ask(REQUESTS)
        dropped = service.metric("log_lines_dropped_total")

        assert [service.client.get(path).status_code for path in PROBES] == [200, 200, 200]
        assert service.client.post(PREDICTION, json={"number": 1}).status_code == 200
        assert 0 < dropped < REQUESTS
        kept = REQUESTS - dropped
        until(lambda: service.read().count(f" GET {LONG_PATH} 404 ".encode()) == kept, "the lines")
        service.client.get("/api/models", headers={"X-Request-ID": "later"})
        until(lambda: b"[later] GET /api/models 200 " in service.read(), "a line of later")
        for line in service.log.decode().splitlines():
            assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ ", line), "lines are whole"


def test_a_signal_is_obeyed_while_the_log_is_not_read(tmp_path: Path) -> None:
    with piped(tmp_path, drain_seconds=0.1) as service:
        service.ask(100)
        service.process.terminate()

        assert service.process.wait(timeout=30) == 0


def test_a_configured_handler_delays_nothing_either(tmp_path: Path) -> None:
    section = {
        "version": 1,
        "filters": {"id": {"()": "asgi_correlation_id.CorrelationIdFilter"}},
        "formatters": {"mine": {"format": "MINE [%(correlation_id)s] %(message)s"}},
        "handlers": {"mine": {"class": "logging.StreamHandler", "formatter": "mine", "filters": ["id"]}},
        "root": {"level": "INFO", "handlers": ["mine"]},
    }
    with piped(tmp_path, logging=section, drain_seconds=0.1) as service:
        service.client.get("/api/models", headers={"X-Request-ID": "first"})
        until(lambda: b"MINE [first] GET /api/models 200 " in service.read(), "a line in the configured format")
        service.ask(REQUESTS)

        assert service.metric("log_lines_dropped_total") > 0
        assert [service.client.get(path).status_code for path in PROBES] == [200, 200, 200]
        service.process.terminate()
        assert service.process.wait(timeout=30) == 0


def test_the_last_lines_are_written_before_the_end(tmp_path: Path) -> None:
    with piped(tmp_path, drain_seconds=0.1) as service:
        service.process.terminate()
        service.process.wait(timeout=30)

        assert service.read().splitlines()[-1].endswith(b"Stopped.")


def test_a_long_traceback_arrives_whole(tmp_path: Path) -> None:
    with piped(tmp_path, {"class_path": "tests.service.difficult_models.Verbose"}) as service:
        answer = service.client.post(PREDICTION, json={"number": 1})

        assert answer.status_code == 500
        words = b"RuntimeError: " + b"long " * 10_000
        until(lambda: words in service.read(), "the traceback")


def test_a_log_whose_reader_has_ended_delays_nothing(tmp_path: Path) -> None:
    with piped(tmp_path, drain_seconds=0.1) as service:
        service.pipe.close()
        service.ask(20)

        assert [service.client.get(path).status_code for path in PROBES] == [200, 200, 200]
        service.process.terminate()
        assert service.process.wait(timeout=30) == 0


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_service_without_standard_streams_serves(tmp_path: Path, closed: str) -> None:
    configuration = process.write_configuration(tmp_path, service={"drain_seconds": 0.1})
    port = process.free_port()
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *process.COMMAND, "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"REST_CONFIG": str(configuration)},
    ) as started:
        try:
            until(lambda: started.poll() is not None or status_of(address + PROBES[1]) == 200, "ready")
            statuses = [status_of(f"{address}{path}") for path in [*PROBES, "/nowhere", "/api/models"]]
            started.terminate()

            assert statuses == [200, 200, 200, 404, 200]
            assert started.wait(timeout=30) == 0
        finally:
            started.kill()


def status_of(url: str) -> int:
    """Return the status of an answer, or 0 where nobody listens yet."""
    try:
        return httpx.get(url, timeout=30).status_code
    except httpx.ConnectError:
        return 0


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_times_are_those_of_rfc_3339(tmp_path: Path, log_format: str) -> None:
    with process.ready(tmp_path, service={"log_format": log_format}) as service:
        service.predict(501)  # has a traceback

        time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        if log_format == "json":
            assert all(re.search(rf'"time": ?"{time}"', line) for line in service.log.splitlines())
        else:
            assert len(re.findall(rf"^{time} ", service.log, re.MULTILINE)) >= 4
