"""A small kubelet: it asks the probes of a pod with one container, restarts it and ends it, as the real one does.

It follows https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/: until the start-up probe has succeeded,
the others wait; a failed start-up or liveness probe ends the container, and a new one takes its place.
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

STARTUP, READINESS, LIVENESS = "startupProbe", "readinessProbe", "livenessProbe"


class HttpGet(BaseModel, extra="forbid"):
    path: str = "/"
    port: str | int
    host: None = None  # the pod itself
    scheme: str = Field("HTTP", pattern="HTTP")
    httpHeaders: list[dict[str, str]] = []  # noqa: N815  # as in the manifest, and so below


class Probe(BaseModel, extra="forbid"):
    """A probe with Kubernetes' own defaults."""

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
        """Return where the port of the container is reached, once it is."""

    def signal(self, number: signal.Signals) -> None: ...
    def exit_code(self) -> int | None:
        """Return None for as long as it runs."""


class Process:
    """The service as a process in the place of a container."""

    def __init__(self, configuration: Path) -> None:
        self._configuration = configuration
        self._log = configuration.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "credit_risk_model.service", "--port", "0"],
                cwd=ROOT,
                env=os.environ | {"REST_CONFIG": str(self._configuration)},
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

    `pace` shortens the waits of the kubelet, which the manifest has in seconds: 0.1 runs ten times as fast. The time
    that the container has to answer a probe and to end stays what it is.
    """

    def __init__(self, pod: dict[str, Any], container: Container, pace: float = 1) -> None:
        spec = pod["containers"][0]
        self.pace = pace
        self.asked: Counter[str] = Counter()
        self.restarts = 0
        self.started = self.ready = False
        self.exit_codes: list[int] = []
        self._probes = {kind: Probe(**spec[kind]) for kind in (STARTUP, READINESS, LIVENESS) if kind in spec}
        hook = spec.get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})
        self._pre_stop_seconds: int = hook["sleep"]["seconds"]
        self._grace_seconds: int = pod.get("terminationGracePeriodSeconds", 30)
        self.container = container
        self._over = threading.Event()
        self._ending = threading.Lock()  # of a container, which happens once
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
        """End the pod as `kubectl delete pod` does; probes for liveness end with it, readiness is asked further on."""
        with self._ending:
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
        """Ask one probe again and again; what was counted begins anew with each container."""
        failed = succeeded = 0
        restarts = self.restarts
        self._over.wait(probe.initialDelaySeconds * self.pace)
        while not self._over.wait(probe.periodSeconds * self.pace):
            if kind == LIVENESS and self.container.exit_code() is not None:
                self._replace(restarts, None)
            if restarts != self.restarts:
                restarts, failed, succeeded = self.restarts, 0, 0
            if self.started == (kind == STARTUP):
                continue  # the start-up probe until it has succeeded, then the others
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
        """Put a new container in the place of that after so many restarts, which may have ended by itself."""
        with self._ending:
            if restarts != self.restarts or self._over.is_set():
                return
            if grace_seconds is not None:
                self._end(grace_seconds)
            else:
                self.exit_codes.append(self.container.exit_code() or 0)
            # At once for the first time; then after 10 s, 20 s, 40 s and so on, 5 min at most.
            self._over.wait(min(10 * 2 ** (restarts - 1), 300) * self.pace if restarts else 0)
            self.restarts += 1
            self._start()

    def _end(self, grace_seconds: int) -> None:
        """Wait for the preStop hook, ask to end, and kill what has not ended in time."""
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


def watched(kubelet: Kubelet, kind: str, times: int) -> Callable[[], bool]:
    """Return a condition: the probe has been asked so many times more."""
    goal = kubelet.asked[kind] + times
    return lambda: kubelet.asked[kind] >= goal
