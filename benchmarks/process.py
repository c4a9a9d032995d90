"""Runs a server as a process: installs, starts and stops it, and measures it with all its child processes."""

import json
import os
import shlex
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from benchmarks.load import answer
from benchmarks.results import ENVIRONMENTS, ROOT
from benchmarks.servers import BUILD, DATE, SHIPPED, Loan, Server
from credit_risk_model.features import LOAN

_TICK = os.sysconf("SC_CLK_TCK")
_START = 120  # seconds that a start may take
_MARK = "BENCHMARK_ID"  # a variable in the environment of all processes of a server


class CannotRunError(Exception):
    """A server cannot be installed or started here, or does not answer."""


@dataclass
class Running:
    """A server that was started; `started` is in seconds of `time.monotonic`."""

    server: Server
    process: subprocess.Popen[bytes]
    port: int
    mark: str
    log: Path
    started: float

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port."""
        return "127.0.0.1", self.port

    def processes(self) -> list[Path]:
        """Return the folders in /proc of all processes of the server."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # the process has ended, or belongs to another user
                if f"{_MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found.append(folder)
        return found

    def cpu_seconds(self) -> float:
        """Return the CPU time that all its processes have used, and their children that have ended."""
        total = 0
        for folder in self.processes():
            with suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                total += sum(int(field) for field in fields[11:15])
        return total / _TICK

    def memory(self) -> float:
        """Return the MB of memory of all its processes; shared memory counts once."""
        return sum(_kilobytes(process / "smaps_rollup", "Pss:") for process in self.processes()) * 1024 / 1e6

    def resident(self) -> float:
        """Return the MB that are resident in all its processes; shared memory counts in each of them."""
        return sum(_kilobytes(process / "status", "VmRSS:") for process in self.processes()) * 1024 / 1e6

    def label(self, loan: Loan) -> str:
        """Return the label of a loan.

        Raises:
            CannotRunError: the request fails, or is not answered with 200.
        """
        try:
            status, text = answer(self.address, self.server.path, json.dumps(self.server.body(loan)).encode())
            if status == 200:
                return self.server.risk(json.loads(text))
        except (OSError, HTTPException, ValueError) as error:
            raise CannotRunError(f"does not answer: {error!r}; see {self.log}") from error
        raise CannotRunError(f"answers {status}: {text[:300]!r}; see {self.log}")


def installed(pins: str) -> Path:
    """Return the `bin` folder of the environment with these packages; install it if it is missing or stale.

    Raises:
        CannotRunError: the environment cannot be installed.
    """
    if not pins:
        return ENVIRONMENTS / "service" / "bin"
    environment = BUILD / "environments" / pins.partition("=")[0].partition("[")[0]
    mark, wanted = environment / "installed.txt", f"{pins} {DATE}"
    if not mark.exists() or mark.read_text() != wanted:
        print(f"Installing {pins}, once ...", flush=True)
        uv, python = str(ROOT / "uv.sh"), str(environment / "bin" / "python")
        install = ["pip", "install", "--compile-bytecode", "--only-binary", ":all:", "--exclude-newer", DATE]
        for command in (
            ["venv", "--clear", "--python", sys.executable, str(environment)],
            [*install, "--python", python, *pins.split()],
        ):
            done = subprocess.run([uv, *command, "--quiet"], capture_output=True, text=True, check=False)
            if done.returncode:
                raise CannotRunError(f"cannot be installed: {done.stderr.strip()}")
        mark.write_text(wanted)
    return environment / "bin"


@contextmanager
def started(
    server: Server, core: int | None = None, groups: Sequence[Path] = (), variables: dict[str, str] | None = None
) -> Iterator[Running]:
    """Start the server, on this core or in these control groups if they are given; stop it with all its processes.

    Raises:
        CannotRunError: it cannot be installed, or its model cannot be saved.
    """
    commands = installed(server.pins)
    mark = uuid.uuid4().hex
    port, other_port = _free_ports(2)
    values = {"port": port, "other_port": other_port, "saved": BUILD / "saved" / mark}
    values["configuration"] = _configuration(server)
    environment = os.environ | {
        _MARK: mark,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **{name: value.format(**values) for name, value in server.variables.items()},
    }
    log = BUILD / "logs" / f"{server.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)

    def confine() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})
        for group in groups:
            group.write_text(str(os.getpid()))

    with log.open("w") as output:
        if server.saved_by:
            saving = [str(commands / "python"), "-m", server.saved_by, str(values["saved"])]
            if subprocess.run(saving, env=environment, cwd=ROOT, stdout=output, stderr=output, check=False).returncode:
                raise CannotRunError(f"cannot save its model; see {log.relative_to(ROOT)}")
        program, *arguments = shlex.split(server.command.format(**values))
        start = time.monotonic()
        process = subprocess.Popen(
            [str(commands / program), *arguments],
            env=environment | (variables or {}),
            cwd=server.folder,
            stdout=output,
            stderr=output,
            preexec_fn=confine if core is not None or groups else None,
        )
    found = Running(server, process, port, mark, log.relative_to(ROOT), start)
    try:
        yield found
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        for left in found.processes():
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(int(left.name), 9)
        process.wait()


@contextmanager
def running(server: Server, core: int | None = None, groups: Sequence[Path] = ()) -> Iterator[Running]:
    """Start the server, yield it when it has answered a prediction, and stop it.

    Raises:
        CannotRunError: it does not answer.
    """
    with started(server, core, groups) as found:
        while True:
            try:
                found.label(LOAN.example)
                break
            except CannotRunError:
                if found.process.poll() is not None or time.monotonic() - found.started > _START:
                    raise
                time.sleep(0.02)
        yield found


def _configuration(server: Server) -> Path:
    """Write the project's configuration with the model of the server."""
    path = BUILD / f"{server.class_path}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "configuration" / "rest_configuration.yaml").read_text()
    path.write_text(text.replace(SHIPPED, server.class_path))
    return path


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def _kilobytes(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(name))
