"""The application under other servers than the one that it brings."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from benchmarks.load import PROBES
from tests.conftest import ROOT, until
from tests.service.process import PREDICTION, free_port, write_configuration
from tests.service.test_log import status_of

FACTORY = "credit_risk_model.service.application:from_environment"
SERVERS = {
    "hypercorn": ["hypercorn", f"{FACTORY}()", "--bind", "127.0.0.1:{port}"],
    "granian": ["granian", FACTORY, "--factory", "--interface", "asgi", "--port", "{port}"],
    "gunicorn": ["gunicorn", f"{FACTORY}()", "-k", "uvicorn_worker.UvicornWorker", "--bind", "127.0.0.1:{port}"],
    "uvicorn": ["uvicorn", FACTORY, "--factory", "--port", "{port}"],
}  # fmt: skip


@pytest.mark.parametrize("command", SERVERS.values(), ids=SERVERS)
def test_another_server_runs_the_application(tmp_path: Path, command: Sequence[str]) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    log = tmp_path / "server.log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", *(word.format(port=port) for word in command)],
            cwd=ROOT,
            env=os.environ | {"REST_CONFIG": str(write_configuration(tmp_path))},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: started.poll() is not None or status_of(address + PROBES[1]) == 200, "ready")
        assert started.poll() is None, log.read_text()
        with httpx.Client(base_url=address, timeout=30) as client:
            assert [client.get(path).status_code for path in PROBES] == [200, 200, 200]
            assert client.post(PREDICTION, json={"number": 1}).json() == {"number": 1.0}
            assert client.post(PREDICTION, json={"number": "x"}).json()["type"] == "ValidationError"
            assert client.head("/docs").headers["content-length"] == str(len(client.get("/docs").content))
            assert head_without_body(port)
            assert client.options(PREDICTION).headers["allow"] == "POST, OPTIONS"
            assert client.get("/nowhere").json()["type"] == "NotFound"
            assert 'outcome="answered"} 1.0' in client.get("/metrics").text
        started.terminate()

        assert started.wait(timeout=30) in (0, -signal.SIGTERM)  # uvicorn raises the signal again once it has ended
        assert "Traceback" not in log.read_text()
    finally:
        started.kill()
        started.wait()


def head_without_body(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"HEAD /docs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65_536), b"")).endswith(b"\r\n\r\n")
