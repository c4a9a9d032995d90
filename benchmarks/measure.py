"""Measures the service under the limits of its pod, and checks the probes and resources of the manifests.

If a container engine has the image, the image is measured; otherwise the service runs as a process in a control group.
"""

import asyncio
import math
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from benchmarks import results
from benchmarks.control_group import control_group
from benchmarks.load import REQUEST, Address, ask_once, get, loaded, rates
from benchmarks.process import started
from benchmarks.servers import OURS

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


def pod(path: Path = MANIFEST) -> dict[str, Any]:
    """Return the pod of the manifest in this file that has a template for pods."""
    manifests = yaml.safe_load_all(path.read_text())
    [found] = [manifest["spec"]["template"]["spec"] for manifest in manifests if "template" in manifest.get("spec", {})]
    return cast(dict[str, Any], found)


def mebibytes(quantity: str) -> int:
    """Return the number in a quantity such as 500Mi, the only form that the manifests use."""
    return int(quantity.removesuffix("Mi"))


def docker(*arguments: str, check: bool = True) -> str:
    """Run a command of the engine; return its output, without `check` with what it wrote to standard error."""
    done = subprocess.run([DOCKER, *arguments], check=check, capture_output=True, text=True)
    return (done.stdout if check else done.stdout + done.stderr).strip()


@contextmanager
def in_container(image: str, cores: float | None, memory: int) -> Iterator[Service]:
    """Run the image under the restrictions of the pod, with `memory` in mebibytes."""
    limits = ["--memory", f"{memory}m", *([] if cores is None else ["--cpus", str(cores)])]
    hardening = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    container = docker("create", *limits, *hardening, "--publish", "127.0.0.1::8000", image)
    try:
        started = time.monotonic()
        docker("start", container)
        port = int(docker("port", container, "8000").rpartition(":")[2])
        yield Service(("127.0.0.1", port), started, lambda: docker("exec", container, "cat", "/proc/1/status"))
    finally:
        docker("rm", "--force", container)


@contextmanager
def in_control_group(
    cores: float | None, memory: int | None, python: str = sys.executable, configuration: Path | None = None
) -> Iterator[Service]:
    """Run the service, or that of another configuration, as a process in a control group; `memory` is in mebibytes.

    A configuration may name files and modules in its own folder.
    """
    server = replace(OURS, command=f"{shlex.quote(python)} -m credit_risk_model.service --port {{port}}")
    if configuration:
        server = replace(server, folder=configuration.parent, variables={"REST_CONFIG": str(configuration)})
    with control_group(cores, memory and memory * 2**20) as groups, started(server, groups=groups) as found:
        process, log = found.process, results.ROOT / found.log
        status = Path(f"/proc/{process.pid}/status").read_text
        try:
            yield Service(
                found.address, found.started, status, lambda: None if process.poll() is None else log.read_text()
            )
        finally:
            process.kill()  # without its drain


def measure(
    run: Callable[..., Any], cores: float | None, memory: int | None, request: bytes = REQUEST
) -> dict[str, Any]:
    """Start the service several times, and load it after the last start; return the longest start and the rest."""
    starts = []
    for _ in range(STARTS - 1):
        with run(cores, memory) as service:
            starts.append(service.until_ready())
    with run(cores, memory) as service:
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


def checks(measured: dict[str, Any], pod: dict[str, Any]) -> list[tuple[bool, str]]:
    """Compare the figures of the pod with the measurements; return for each whether it holds, and a description."""
    [container] = pod["containers"]
    budget = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
    ready = measured["200m"]["seconds to ready"]
    limit = mebibytes(container["resources"]["limits"]["memory"])
    peak = max(measured[name]["peak memory in MiB"] for name in CORES)
    slowest = max(measured[name]["slowest probe in ms"] for name in CORES) / 1e3
    variables = {variable["name"]: variable.get("value") for variable in container["env"]}
    stays = float(variables.get("REST_STAY_READY_SECONDS") or 0)
    found = [
        (
            budget >= START_UP_FACTOR * ready,
            f"the startup probe allows {budget} s, at least {START_UP_FACTOR} times the {ready} s to ready at 200m",
        ),
        (
            stays >= CREATION_SECONDS + ready,
            f"a deleted pod stays ready for {stays:g} s, longer than it takes to create another ({CREATION_SECONDS} s) "
            f"and the {ready} s until that one is ready at 200m",
        ),
        (
            limit >= MEMORY_FACTOR * peak,
            f"the memory limit is {limit} MiB, at least {MEMORY_FACTOR} times the peak of {peak} MiB",
        ),
    ]
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        silence, _ = seconds_to_act(container[name], is_silent=True)
        words = f"the {name} acts after {silence} s of silence, longer than the slowest probe, {slowest} s"
        found.append((silence > slowest, words))
    return found


def environment() -> tuple[str, Callable[[float | None, int], Any]]:
    """Return a description of how the service runs under limits here, and the function that runs it; exit if none."""
    image = pod()["containers"][0]["image"]
    try:
        docker("image", "inspect", image)
    except (OSError, subprocess.CalledProcessError):
        pass
    else:
        return "the image in a container", lambda cores, memory: in_container(image, cores, memory)
    try:
        with control_group(0.2, 2**29):
            pass
    except OSError as error:
        sys.exit(
            "Cannot measure here. No container engine has the image, and a control group cannot be created, which "
            f"needs Linux and root, or control groups that are delegated to you: {error}."
        )
    return "a process in a control group", in_control_group


def main() -> None:
    """Measure, print and record; exit with 1 if a figure of the manifests does not hold."""
    how, run = environment()
    memory = mebibytes(pod()["containers"][0]["resources"]["limits"]["memory"])
    measured: dict[str, Any] = {
        "how": how,
        "connections": CONNECTIONS,
        "seconds": LOAD_SECONDS,
    }
    for name, cores in CORES.items():
        print(f"{name}: {STARTS} starts, then {LOAD_SECONDS:.0f} s of load on {how} ...", file=sys.stderr)
        measured[name] = measure(run, cores, memory)
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
