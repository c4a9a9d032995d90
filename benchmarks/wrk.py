"""The load: the program wrk requests predictions of the loans, one loan after the other."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.process import Running
from benchmarks.results import ROOT
from benchmarks.servers import BUILD, Loan, Server

_SCRIPT = ROOT / "benchmarks" / "wrk.lua"


def require() -> None:
    """Exit with a message if wrk is not installed."""
    if not shutil.which("wrk"):
        sys.exit("This benchmark needs wrk, which is not installed. On Debian, run 'apt install wrk'.")


def write_bodies(server: Server, loans: list[Loan]) -> Path:
    """Write the bodies of the requests, one per line; return the file."""
    path = BUILD / "bodies.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(server.body(loan)) + "\n" for loan in loans))
    return path


def start(found: Running, bodies: Path, connections: int, seconds: float) -> subprocess.Popen[str]:
    """Start wrk with one thread, which is enough to keep a Python worker busy. Late answers count in the latencies."""
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
    """Wait until wrk ends; return the figures that wrk.lua printed: requests, seconds, p50 and p99 in ms, errors."""
    found: dict[str, Any] = json.loads(wrk.communicate()[0].splitlines()[-1])
    return found
