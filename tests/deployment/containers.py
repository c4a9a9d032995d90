"""Containers that run the image under the restrictions of the pod; each is removed by its id."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.deployment.manifests import CONTAINER

DOCKER = os.environ.get("DOCKER", "docker")
# The restrictions of the profile `restricted`, and a file system without write access.
RESTRICTED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
LIMITS = ("--memory=512m", "--cpus=0.5", "--pids-limit=64")


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip() if check else (done.stdout + done.stderr).strip()


class Container:
    """A container of the image, for the kubelet or for a test."""

    def __init__(self, id_: str) -> None:
        self.id = id_
        self._address: tuple[str, int] | None = None

    def start(self) -> None:
        self._address = None  # each start gets a new port
        docker("start", self.id)

    def address(self, port: str | int = "http") -> tuple[str, int] | None:
        if self._address is None:
            [named] = [item for item in CONTAINER["ports"] if port in (item["name"], item["containerPort"])]
            host, _, published = docker("port", self.id, str(named["containerPort"]), check=False).rpartition(":")
            self._address = (host, int(published)) if published.isdigit() else None
        return self._address

    @property
    def url(self) -> str:
        host, port = self.address() or ("", 0)
        return f"http://{host}:{port}"

    @property
    def log(self) -> str:
        return docker("logs", self.id, check=False)

    def state(self, template: str) -> str:
        return docker("inspect", "--format", "{{.State." + template + "}}", self.id)

    def signal(self, number: signal.Signals) -> None:
        docker("kill", "--signal", str(int(number)), self.id)

    def wait(self) -> int:
        """Wait until the container has ended; return its exit code."""
        return int(docker("wait", self.id))

    def exit_code(self) -> int | None:
        running, code = self.state("Running}} {{.State.ExitCode").split()
        return None if running == "true" else int(code)


@contextmanager
def created(*options: str, image: str = CONTAINER["image"], command: Sequence[str] = ()) -> Iterator[Container]:
    """Create a container without starting it; remove it at the end."""
    container = Container(docker("create", "--publish=127.0.0.1::8000", *options, image, *command))
    try:
        yield container
    finally:
        docker("rm", "--force", container.id)


@contextmanager
def running(*options: str) -> Iterator[Container]:
    """Start a container with all restrictions and limits; remove it at the end."""
    with created(*RESTRICTED, *LIMITS, *options) as container:
        container.start()
        yield container


def inside(*command: str) -> str:
    """Run a command as root in a new container; return its output."""
    with created("--user=0", "--network=none", command=command) as container:
        return docker("start", "--attach", container.id)
