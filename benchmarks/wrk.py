"""The load: wrk, a process of its own, asks for the predictions of the loans in turn."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.process import Running
from benchmarks.record import ROOT
from benchmarks.servers import BUILD, Loan, Server

_SCRIPT = ROOT / "benchmarks" / "wrk.lua"


def require() -> None:
    """End with a clear word where wrk is not installed."""
    if not shutil.which("wrk"):
        sys.exit("The load comes from wrk, which is not there: on Debian, 'apt install wrk' adds it.")


def write_bodies(server: Server, loans: list[Loan]) -> Path:
    """Write the requests, one in a line, and return the file."""
    path = BUILD / "bodies.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(server.body(loan)) + "\n" for loan in loans))
    return path


def start(found: Running, bodies: Path, connections: int, seconds: float) -> subprocess.Popen[str]:
    """Start wrk with one thread, which keeps a worker in Python busy; an answer may be late, the latencies tell."""
    options = [
        "-t1",
        f"-c{connections}",
        f"-d{seconds:.0f}s",
        "--timeout",
        "30s",
        "-s",
        str(_SCRIPT),
        f"http://127.0.0.1:{found.port}",
    ]
    return subprocess.Popen(["wrk", *options, "--", str(bodies), found.server.path], stdout=subprocess.PIPE, text=True)


def result(wrk: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the end, and return what wrk.lua printed last: requests, seconds, p50 and p99 in ms, errors."""
    found: dict[str, Any] = json.loads(wrk.communicate()[0].splitlines()[-1])
    return found
