"""A small kubelet: it runs the probes of a pod with one container, and restarts and stops the container.

It follows https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/. The other probes start after the startup
probe has succeeded. A failed startup or liveness probe stops the container, and a new one replaces it.
"""

import http.client
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, Field

from tests.conftest import ROOT
from tests.deployment.manifests import ENVIRONMENT

STARTUP, READINESS, LIVENESS = "startupProbe", "readinessProbe", "livenessProbe"


class HttpGet(BaseModel, extra="forbid"):
    path: str = "/"
    port: str | int
    host: None = None  # the pod itself
    scheme: str = Field("HTTP", pattern="HTTP")
    httpHeaders: list[dict[str, str]] = []  # noqa: N815  # as in the manifest, and so below


class Probe(BaseModel, extra="forbid"):
    """A probe with the defaults of Kubernetes."""

    httpGet: HttpGet  # noqa: N815
    initialDelaySeconds: int = 0  # noqa: N815
    periodSeconds: int = 10  # noqa: N815
    timeoutSeconds: int = 1  # noqa: N815
    successThreshold: int = 1  # noqa: N815
    failureThreshold: int = 3  # noqa: N815
    terminationGracePeriodSeconds: int | None = None  # noqa: N815

    def succeeds(self, address: tuple[str, int]) -> bool:
        connection = http.client.HTTPConnection(*address, timeout=self.timeoutSeconds)
        headers = {header["name"]: header["value"] for header in self.httpGet.httpHeaders}
        try:
            connection.request("GET", self.httpGet.path, headers={"Connection": "close"} | headers)
            return 200 <= connection.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Container(Protocol):
    def start(self) -> None: ...
    def address(self, port: str | int) -> tuple[str, int] | None:
        """Return the address at which the port of the container can be reached, or None if it cannot be reached yet."""

    def signal(self, number: signal.Signals) -> None: ...
    def exit_code(self) -> int | None:
        """Return the exit code, or None while the container runs."""


class Process:
    """The service as a process, used like a container."""

    def __init__(self, configuration: Path) -> None:
        self._configuration = configuration
        self._log = configuration.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "credit_risk_model.service", "--port", "0"],
                cwd=ROOT,
                env=os.environ | ENVIRONMENT | {"REST_CONFIG": str(self._configuration)},
                stderr=output,
            )

    def address(self, port: str | int) -> tuple[str, int] | None:
        assert port == "http"
        found = re.search(r"running on http://([\d.]+):(\d+)", self._log.read_text())
        return (found[1], int(found[2])) if found else None

    def signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    def exit_code(self) -> int | None:
        assert self._process
        return self._process.poll()


class Kubelet:
    """Runs a container until the `with` block ends.

    `pace` shortens the pauses of the kubelet: with 0.1, it waits a tenth of the seconds in the manifest. The time
    limits for answering a probe and for stopping are not shortened.
    """

    def __init__(self, pod: dict[str, Any], container: Container, pace: float = 1) -> None:
        spec = pod["containers"][0]
        self.pace = pace
        self.asked: Counter[str] = Counter()
        self.restarts = 0
        self.started = self.ready = self.terminating = False
        self.exit_codes: list[int] = []
        self._probes = {kind: Probe(**spec[kind]) for kind in (STARTUP, READINESS, LIVENESS) if kind in spec}
        hook = spec.get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})
        self._pre_stop_seconds: int = hook["sleep"]["seconds"]
        self._grace_seconds: int = pod.get("terminationGracePeriodSeconds", 30)
        self.container = container
        self._over = threading.Event()
        self._ending = threading.Lock()  # a container is stopped only once
        self._threads = [threading.Thread(target=self._ask, args=[*item]) for item in self._probes.items()]

    def __enter__(self) -> "Kubelet":
        self._start()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self.container.exit_code() is None:
            self.container.signal(signal.SIGKILL)
            self._wait_for_exit(math.inf)

    def address(self) -> tuple[str, int] | None:
        return self.container.address("http")

    def delete(self) -> None:
        """Stop the pod like `kubectl delete pod`: without liveness probes, but with readiness probes until it ends."""
        with self._ending:
            self.terminating = True
            self._over.set()
            watching = threading.Thread(target=self._watch_readiness)
            watching.start()
            self._end(self._grace_seconds)
            watching.join()

    def _start(self) -> None:
        self.started = STARTUP not in self._probes
        self.ready = self.started and READINESS not in self._probes
        self.container.start()

    def _ask(self, kind: str, probe: Probe) -> None:
        """Run one probe repeatedly. The counts of successes and failures start again with each container.

        A period counts from the start of a probe. After a probe that took longer, the next one starts at once.
        """
        failed = succeeded = 0
        restarts = self.restarts
        due = time.monotonic() + probe.initialDelaySeconds * self.pace
        while True:
            due = max(due + probe.periodSeconds * self.pace, time.monotonic())
            if self._over.wait(due - time.monotonic()):
                return
            if kind == LIVENESS and self.container.exit_code() is not None:
                self._replace(restarts, None)
            if restarts != self.restarts:
                restarts, failed, succeeded = self.restarts, 0, 0
            if self.started == (kind == STARTUP):
                continue  # only the startup probe runs until it has succeeded, and then only the others
            if self._succeeds(kind, probe):
                failed, succeeded = 0, succeeded + 1
            else:
                failed, succeeded = failed + 1, 0
            if restarts != self.restarts:
                continue
            if succeeded >= probe.successThreshold:
                if kind == STARTUP:
                    self.started = True
                elif kind == READINESS:
                    self.ready = True
            elif failed >= probe.failureThreshold:
                if kind == READINESS:
                    self.ready = False
                else:
                    self._replace(restarts, probe.terminationGracePeriodSeconds or self._grace_seconds)

    def _succeeds(self, kind: str, probe: Probe) -> bool:
        self.asked[kind] += 1
        address = self.container.address(probe.httpGet.port)
        return address is not None and probe.succeeds(address)

    def _watch_readiness(self) -> None:
        probe, failed = self._probes[READINESS], 0
        while self.container.exit_code() is None:
            time.sleep(probe.periodSeconds * self.pace)
            failed = 0 if self._succeeds(READINESS, probe) else failed + 1
            if failed >= probe.failureThreshold:
                self.ready = False

    def _replace(self, restarts: int, grace_seconds: int | None) -> None:
        """Replace the container that runs after `restarts` restarts; stop it first unless `grace_seconds` is None."""
        with self._ending:
            if restarts != self.restarts or self._over.is_set():
                return
            if grace_seconds is not None:
                self._end(grace_seconds)
            else:
                self.exit_codes.append(self.container.exit_code() or 0)
            # The first restart is immediate; the next ones wait 10 s, 20 s, 40 s and so on, at most 5 min.
            self._over.wait(min(10 * 2 ** (restarts - 1), 300) * self.pace if restarts else 0)
            self.restarts += 1
            self._start()

    def _end(self, grace_seconds: int) -> None:
        """Wait for the preStop hook, send SIGTERM, and kill the container if it has not ended in time."""
        end = time.monotonic() + grace_seconds
        time.sleep(self._pre_stop_seconds * self.pace)
        self.container.signal(signal.SIGTERM)
        if not self._wait_for_exit(end):
            self.container.signal(signal.SIGKILL)
            self._wait_for_exit(math.inf)
        self.exit_codes.append(self.container.exit_code() or 0)

    def _wait_for_exit(self, end: float) -> bool:
        while self.container.exit_code() is None and time.monotonic() < end:
            time.sleep(0.01)
        return self.container.exit_code() is not None


def probed(kubelet: Kubelet, kind: str, times: int) -> Callable[[], bool]:
    """Return a condition that is true after the probe has run `times` more times."""
    goal = kubelet.asked[kind] + times
    return lambda: kubelet.asked[kind] >= goal
