"""The composed application as a process, and how it is brought from outside into each of its states."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.load import PROBES
from tests.conftest import ROOT, until

COMMAND = (sys.executable, "-m", "credit_risk_model.service")
ECHO = "tests.service.models.Echo"
PREDICTION = "/api/models/echo/prediction"


@dataclass
class Service:
    process: subprocess.Popen[bytes]
    client: httpx.Client
    log_path: Path
    gate: Path

    @property
    def log(self) -> str:
        """Return the log with all lines until now; the service writes them a moment later."""
        path = f"/until-{uuid.uuid4().hex}"
        with suppress(httpx.TransportError):  # it has ended, and its log is complete
            httpx.get(self.client.base_url.join(path), timeout=60)
            until(lambda: path in self.log_path.read_text() or self.process.poll() is not None, "the lines")
        return self.log_path.read_text()

    @property
    def address(self) -> tuple[str, int]:
        return self.client.base_url.host, self.client.base_url.port or 80

    def open_gate(self) -> None:
        self.gate.touch()

    def statuses(self) -> tuple[int, ...]:
        return tuple(self.client.get(path).status_code for path in PROBES)

    def predict(self, number: float = 1) -> httpx.Response:
        return httpx.post(self.client.base_url.join(PREDICTION), json={"number": number}, timeout=60)

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def drain(self) -> None:
        self.signal()
        until(lambda: self.client.get(PROBES[1]).status_code == 503, "not ready any more")

    def metric(self, line: str) -> float:
        """Return the value of the metric with this name and these labels."""
        for found in self.client.get("/metrics").text.splitlines():
            if found.startswith(line + " "):
                return float(found.rpartition(" ")[2])
        raise AssertionError(f"no metric {line}")


def free_port() -> int:
    """Return a port that was free a moment ago, for what cannot choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def write_configuration(folder: Path, *models: dict[str, Any], **content: Any) -> Path:
    path = folder / "rest_configuration.yaml"
    given = [{"class_path": ECHO, "create_endpoint": True} | model for model in models or ({},)]
    path.write_text(yaml.safe_dump({"models": given, "metrics": {"enabled": True}} | content))
    return path


@contextmanager
def starting(
    folder: Path, *models: dict[str, Any], environment: dict[str, str] | None = None, **content: Any
) -> Iterator[Service]:
    """Start the service with these models, or one that echoes; yield it once it listens; end it."""
    configuration = write_configuration(folder, *models, **content)
    with running(folder, configuration, environment) as service:
        yield service


@contextmanager
def running(
    folder: Path,
    configuration: Path | None,
    environment: dict[str, str] | None = None,
    arguments: Sequence[str] = (),
    command: Sequence[str] = COMMAND,
    cwd: Path = ROOT,
) -> Iterator[Service]:
    """Start the service, with a configuration or its default; yield it once it listens; end it."""
    named = {"REST_CONFIG": str(configuration)} if configuration else {}
    log = folder / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", "0", *arguments],
            cwd=cwd,
            env=os.environ | named | (environment or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        found = until(
            lambda: re.search(r"running on (http://[^\s\"]+)", log.read_text()) or process.poll() is not None,
            "listening",
        )
        assert isinstance(found, re.Match), log.read_text()
        with httpx.Client(base_url=found[1].replace("*", "127.0.0.1"), timeout=30) as client:
            yield Service(process, client, log, folder / "gate")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # something that never ends is running
            process.kill()
            process.wait()


@contextmanager
def ready(folder: Path, *models: dict[str, Any], **content: Any) -> Iterator[Service]:
    with starting(folder, *models, **content) as service:
        until(lambda: service.statuses() == (200, 200, 200), "ready")
        yield service


@contextmanager
def loading(folder: Path) -> Iterator[Service]:
    with starting(folder, {"configuration": {"loads_with": str(folder / "gate")}}) as service:
        yield service


@contextmanager
def stalled(folder: Path) -> Iterator[Service]:
    """A prediction has run for too long; it ends once the gate is open."""
    slow = {"configuration": {"predicts_with": str(folder / "gate")}, "service": {"stall_seconds": 0.1}}
    with ready(folder, slow) as service:
        asking = threading.Thread(target=service.predict)
        asking.start()
        until(lambda: service.client.get(PROBES[0]).status_code == 503, "not healthy any more")
        yield service
        service.open_gate()
        asking.join()


@contextmanager
def load_failed(folder: Path) -> Iterator[Service]:
    with starting(folder, {"configuration": {"error": "the disk is gone"}}) as service:
        until(lambda: service.client.get(PROBES[2]).status_code == 200, "the load has ended")
        yield service


@contextmanager
def terminating(folder: Path) -> Iterator[Service]:
    """SIGTERM has arrived, and the service stays ready for a minute."""
    with ready(folder, service={"stay_ready_seconds": 60}) as service:
        service.signal()
        until(lambda: service.metric('service_state{state="terminating"}') == 1, "terminating")
        yield service


@contextmanager
def draining(folder: Path) -> Iterator[Service]:
    with ready(folder, service={"drain_seconds": 60}) as service:
        service.drain()
        yield service


@contextmanager
def saturated(folder: Path) -> Iterator[Service]:
    """One prediction runs and one waits, which is all that may; both end once the gate is open."""
    slow = {"configuration": {"predicts_with": str(folder / "gate")}, "service": {"running": 1, "waiting": 1}}
    with ready(folder, slow) as service:
        answers: list[int] = []
        threads = [threading.Thread(target=lambda: answers.append(service.predict().status_code)) for _ in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: service.metric('service_state{state="saturated"}') == 1, "saturated")
        yield service
        service.open_gate()
        for thread in threads:
            thread.join()
        assert answers == [200, 200], "an accepted prediction was lost"
