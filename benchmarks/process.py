"""Runs a server as a process: installs, starts and stops it, and measures it with all its child processes."""

import http.client
import json
import os
import shlex
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import ENVIRONMENTS, ROOT
from benchmarks.servers import BUILD, SHIPPED, Loan, Server

_TICK = os.sysconf("SC_CLK_TCK")
_START = 120  # seconds that a start may take
_MARK = "BENCHMARK_ID"


class CannotRunError(Exception):
    """A server cannot be installed or started here, or does not answer."""


@dataclass
class Running:
    """A server that is ready. `mark` is a variable in the environment of all its processes."""

    server: Server
    port: int
    mark: str
    start_seconds: float
    start_cpu_seconds: float

    def processes(self) -> list[Path]:
        """Return the folders in /proc of all processes of the server."""
        return _marked(self.mark)

    def cpu_seconds(self) -> float:
        """Return the CPU time that all its processes have used."""
        return _cpu_seconds(self.mark)

    def memory(self) -> float:
        """Return the MB of memory of all its processes; shared memory counts once."""
        return sum(_kilobytes(process / "smaps_rollup", "Pss:") for process in self.processes()) * 1024 / 1e6

    def resident(self) -> float:
        """Return the MB that are resident in all its processes; shared memory counts in each of them."""
        return sum(_kilobytes(process / "status", "VmRSS:") for process in self.processes()) * 1024 / 1e6

    def ask(self, loans: list[Loan]) -> list[str]:
        """Send one request per loan, one after the other; return the labels.

        Raises:
            CannotRunError: a request fails, or is not answered with 200.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        labels = []
        for loan in loans:
            body = json.dumps(self.server.body(loan))
            try:
                connection.request("POST", self.server.path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                raise CannotRunError(f"does not answer: {error!r}") from error
            if answer.status != 200:
                raise CannotRunError(f"answered {answer.status}: {content[:300]!r}")
            labels.append(self.server.risk(json.loads(content)))
        connection.close()
        return labels


def installed(name: str) -> Path:
    """Return the `bin` folder of the environment with this name; install the environment if it is missing or stale.

    Raises:
        CannotRunError: the environment cannot be installed.
    """
    if name == "service":
        return ENVIRONMENTS / "service" / "bin"
    environment = BUILD / "environments" / name
    lock = ROOT / "benchmarks" / "requirements" / f"{name}.txt"
    mark = environment / "installed.txt"
    if not mark.exists() or mark.read_text() != lock.read_text():
        print(f"Installing {lock.relative_to(ROOT)}, once ...", flush=True)
        uv = str(ROOT / "uv.sh")
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
            [
                uv, "pip", "sync", "--quiet", "--compile-bytecode", "--only-binary", ":all:", "--require-hashes",
                "--python", str(environment / "bin" / "python"), str(lock),
            ],
        ):  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise CannotRunError(f"cannot be installed: {done.stderr.strip()}")
        mark.write_text(lock.read_text())
    return environment / "bin"


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start the server, yield it when it is ready, and stop it with all its child processes."""
    commands = installed(server.environment)
    mark = uuid.uuid4().hex
    port, other_port = _free_ports(2)
    saved = BUILD / "saved" / mark
    configuration = _configuration(server)
    environment = os.environ | {
        _MARK: mark,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **{
            name: value.format(port=port, other_port=other_port, configuration=configuration)
            for name, value in server.variables.items()
        },
    }
    log = BUILD / "logs" / f"{server.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        if server.saved_by:
            saving = [str(commands / "python"), "-m", server.saved_by, str(saved)]
            if subprocess.run(saving, env=environment, cwd=ROOT, stdout=output, stderr=output, check=False).returncode:
                raise CannotRunError(f"cannot save its model; see {log}")
        program, *arguments = shlex.split(server.command.format(port=port, saved=saved))
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(commands / program), *arguments], env=environment, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        while not _is_ready(port, server.ready):
            if process.poll() is not None or time.perf_counter() - start > _START:
                raise CannotRunError(f"does not become ready; see {log}")
            time.sleep(0.02)
        yield Running(server, port, mark, time.perf_counter() - start, _cpu_seconds(mark))
    finally:
        _end(process, mark)


def _configuration(server: Server) -> Path:
    """Write the project's configuration with the model of the server."""
    path = BUILD / f"{server.class_path}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "configuration" / "rest_configuration.yaml").read_text()
    path.write_text(text.replace(SHIPPED, server.class_path))
    return path


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for left in _marked(mark):
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(int(left.name), 9)


def _is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def _marked(mark: str) -> list[Path]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{_MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found.append(folder)
        except OSError:  # the process has ended, or belongs to another user
            continue
    return found


def _cpu_seconds(mark: str) -> float:
    total = 0
    for folder in _marked(mark):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])  # the process itself, and its children that have ended
    return total / _TICK


def _kilobytes(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(name))
