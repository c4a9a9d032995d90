"""Measures the service under the limits of its pod, and checks the probes and resources of the manifests.

If a container engine has the image, the image is measured; otherwise the service runs as a process in a control group.
"""

import asyncio
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from benchmarks import results
from benchmarks.control_group import control_group
from benchmarks.load import REQUEST, Address, ask_once, get, loaded, rates
from benchmarks.process import started
from benchmarks.servers import OURS, Server

MANIFEST = results.ROOT / "kubernetes" / "model_service.yaml"
DOCKER = os.environ.get("DOCKER", "docker")
CONNECTIONS = 128
CORES = {"no limit": None, "200m": 0.2}
LOAD_SECONDS = float(os.environ.get("LOAD_SECONDS", "30"))
STARTS = 3
START_UP_FACTOR, MEMORY_FACTOR = 3, 1.5  # the manifests must allow this multiple of the measured values
CREATION_SECONDS = 3  # from the deletion of a pod until its replacement starts


@dataclass
class Service:
    """A running service."""

    address: Address
    started: float  # in seconds of `time.monotonic`
    status: Callable[[], str]  # returns /proc/PID/status
    end: Callable[[], str | None] = lambda: None  # returns the log of a service that has ended

    def peak_bytes(self) -> int:
        """Return the peak of the resident memory."""
        return int(re.search(r"VmHWM:\s+(\d+) kB", self.status())[1]) * 1024  # type: ignore[index]  # always there

    def until_ready(self) -> float:
        """Wait until the service is ready; return the seconds since its start.

        Exit if it has ended or its load has failed, or after 10 minutes.
        """
        for _ in range(6_000):
            if self._probe("/api/health/ready") == 200:
                return time.monotonic() - self.started
            if log := self.end():
                sys.exit(log)
            if self._probe("/api/health/startup") == 200 and self._probe("/api/health") == 503:
                sys.exit("The model cannot be loaded. Start the service without a measurement: its log has the cause.")
            time.sleep(0.1)
        sys.exit("The service does not become ready.")

    def _probe(self, path: str) -> int | str:
        return asyncio.run(ask_once(self.address, get(path), 5))


Run = Callable[[float | None], AbstractContextManager[Service]]
"""Runs the service with this limit of the CPU."""


def pod(path: Path = MANIFEST) -> dict[str, Any]:
    """Return the pod of the manifest in this file that has a template for pods."""
    manifests = yaml.safe_load_all(path.read_text())
    [found] = [manifest["spec"]["template"]["spec"] for manifest in manifests if "template" in manifest.get("spec", {})]
    return cast(dict[str, Any], found)


def mebibytes(quantity: str) -> int:
    """Return the number in a quantity such as 500Mi, the only form that the manifests use."""
    return int(quantity.removesuffix("Mi"))


def limit(pod: dict[str, Any]) -> int:
    """Return the memory limit of the pod in mebibytes."""
    return mebibytes(pod["containers"][0]["resources"]["limits"]["memory"])


IMAGE = pod()["containers"][0]["image"]


def docker(*arguments: str) -> str:
    """Run a command of the engine; return its output."""
    return subprocess.run([DOCKER, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def in_container(cores: float | None) -> Iterator[Service]:
    """Run the image under the restrictions and the memory limit of the pod."""
    limits = ["--memory", f"{limit(pod())}m", *([] if cores is None else ["--cpus", str(cores)])]
    hardening = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    container = docker("create", *limits, *hardening, "--publish", "127.0.0.1::8000", IMAGE)
    try:
        started = time.monotonic()
        docker("start", container)
        port = int(docker("port", container, "8000").rpartition(":")[2])
        yield Service(("127.0.0.1", port), started, lambda: docker("exec", container, "cat", "/proc/1/status"))
    finally:
        docker("rm", "--force", container)


@contextmanager
def in_control_group(cores: float | None, memory: int | None = None, server: Server = OURS) -> Iterator[Service]:
    """Run the service as a process in a control group with this limit of the memory in mebibytes."""
    with control_group(cores, memory and memory * 2**20) as groups, started(server, groups=groups) as found:
        process, log = found.process, results.ROOT / found.log
        status = Path(f"/proc/{process.pid}/status").read_text
        try:
            yield Service(
                found.address, found.started, status, lambda: None if process.poll() is None else log.read_text()
            )
        finally:
            process.kill()  # without its drain


def measure(run: Run, cores: float | None, request: bytes = REQUEST) -> dict[str, Any]:
    """Start the service several times, and load it after the last start; return the longest start and the rest."""
    starts = []
    for _ in range(STARTS - 1):
        with run(cores) as service:
            starts.append(service.until_ready())
    with run(cores) as service:
        starts.append(service.until_ready())
        statuses, times = loaded(service.address, LOAD_SECONDS, CONNECTIONS, request)
        peak = service.peak_bytes()
    slowest = {path: max(found) for path, found in times.items()}
    path = max(slowest, key=slowest.__getitem__)
    if math.isinf(slowest[path]):
        sys.exit(f"{path} was not always answered with 200 under load, so the service was not ready all the time.")
    return {
        "seconds to ready": round(max(starts), 1),
        "peak memory in MiB": round(peak / 2**20),
        **rates(statuses, LOAD_SECONDS),
        "slowest probe in ms": round(slowest[path] * 1e3),
        "slowest probe": path,
    }


def seconds_to_act(probe: dict[str, Any], is_silent: bool) -> tuple[int, int]:
    """Return the least and the most seconds from a fault to the action of a probe.

    The service answers 503 at once, or is silent, so that each probe takes its whole timeout.
    """
    period, timeout = probe["periodSeconds"], probe["timeoutSeconds"] if is_silent else 0
    least = (probe["failureThreshold"] - 1) * max(period, timeout) + timeout
    return least, least + period


@dataclass
class Needs:
    """What the manifests of a measured service need."""

    start: int  # seconds that the startup probe allows
    stay_ready: int  # seconds
    slowest: float  # seconds that a probe must bear
    memory: int  # MiB


def needs(measured: dict[str, dict[str, Any]]) -> Needs:
    """Return what a service needs that was measured with each limit of the CPU."""
    ready, peak, slowest = (
        max(figures[name] for figures in measured.values())
        for name in ("seconds to ready", "peak memory in MiB", "slowest probe in ms")
    )
    return Needs(
        start=math.ceil(START_UP_FACTOR * ready),
        stay_ready=math.ceil(CREATION_SECONDS + ready),
        slowest=slowest / 1e3,
        memory=math.ceil(MEMORY_FACTOR * peak),
    )


def checks(measured: dict[str, Any], pod: dict[str, Any]) -> list[tuple[bool, str]]:
    """Compare the figures of the pod with the measurements; return for each whether it holds, and a description."""
    [container] = pod["containers"]
    needed = needs({name: measured[name] for name in CORES})
    startup, memory = container["startupProbe"], limit(pod)
    allowed = startup["periodSeconds"] * startup["failureThreshold"]
    [stays] = [float(each["value"]) for each in container["env"] if each["name"] == "REST_STAY_READY_SECONDS"]
    found = [
        (
            allowed >= needed.start,
            f"the startup probe allows {allowed} s; it needs at least {needed.start} s, {START_UP_FACTOR} times the "
            "seconds to ready",
        ),
        (
            stays >= needed.stay_ready,
            f"a deleted pod stays ready for {stays:g} s; it needs at least {needed.stay_ready} s, the "
            f"{CREATION_SECONDS} s until another is created, and the time until that one is ready",
        ),
        (
            memory >= needed.memory,
            f"the memory limit is {memory} MiB; it needs at least {needed.memory} MiB, {MEMORY_FACTOR} times the peak",
        ),
    ]
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        silence, _ = seconds_to_act(container[name], is_silent=True)
        words = f"the {name} acts after {silence} s of silence, longer than the slowest probe, {needed.slowest:g} s"
        found.append((silence > needed.slowest, words))
    return found


def environment() -> tuple[str, Run]:
    """Return a description of how the service runs under limits here, and the function that runs it."""
    try:
        docker("image", "inspect", IMAGE)
    except (OSError, subprocess.CalledProcessError):
        return "a process in a control group", lambda cores: in_control_group(cores, limit(pod()))
    return "the image in a container", in_container


def main() -> None:
    """Measure, print and record; exit with 1 if a figure of the manifests does not hold."""
    how, run = environment()
    measured: dict[str, Any] = {"how": how, "connections": CONNECTIONS, "seconds": LOAD_SECONDS}
    for name, cores in CORES.items():
        print(f"{name}: {STARTS} starts, then {LOAD_SECONDS:.0f} s of load on {how} ...", file=sys.stderr)
        measured[name] = measure(run, cores)
        for figure, value in measured[name].items():
            print(f"  {figure}: {value}")
    results.write("measure", measured)
    checked = checks(measured, pod())
    for holds, words in checked:
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {words}")
    if not all(holds for holds, _ in checked):
        sys.exit(1)


if __name__ == "__main__":
    main()
