"""Measures the probes while 256 connections ask for predictions, on a whole core and on a fifth of one.

The service runs on the first core, the load and the probing on the second one. A fifth of a core is a control
group with a quota of 20 ms in every 100 ms, as a Kubernetes limit of 200m sets it, and needs root.
"""

import asyncio
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "saturation.json"
PROBES = ("/api/health", "/api/health/ready", "/api/health/startup")
PREDICTION = "/api/models/credit_risk_model/prediction"
CONNECTIONS = 256
SECONDS = float(os.environ.get("SECONDS", "30"))
BODY = (
    b'{"annual_income":52000,"employment_length":"4 years","home_ownership":"RENT","verification_status":"Verified",'
    b'"loan_amount":12000,"term":" 36 months","interest_rate":13.35,"loan_purpose":"debt_consolidation",'
    b'"last_payment_amount":406.4,"total_payments_to_date":13411.2,"debt_to_income_ratio":17.4,'
    b'"revolving_line_utilization_rate":61.8,"number_of_delinquent_accounts":0,"delinquencies_in_last_2_years":0,'
    b'"collections_in_last_12_months":0,"derogatory_public_record_count":0}'
)
REQUEST = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    PREDICTION.encode(),
    len(BODY),
    BODY,
)


async def ask(stream: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes) -> int:
    """Send a request and return the status of the answer, or 0 for none."""
    reader, writer = stream
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))  # type: ignore[index]  # always there
    except (OSError, asyncio.IncompleteReadError):
        return 0
    return int(head[9:12])


async def load(port: int, end: float, statuses: Counter[int]) -> None:
    """Ask for predictions on one connection, again at once after each answer, whatever it is."""
    stream = await asyncio.open_connection("127.0.0.1", port)
    while time.time() < end:
        statuses[await ask(stream, REQUEST)] += 1
    stream[1].close()


async def all_loads(port: int, end: float) -> Counter[int]:
    """Return how often which status came back on all connections together."""
    statuses: Counter[int] = Counter()
    await asyncio.gather(*(load(port, end, statuses) for _ in range(CONNECTIONS)))
    return statuses


async def probe(port: int, end: float) -> dict[str, list[float]]:
    """Ask each probe 20 times a second, each time on a connection of its own, as a kubelet does."""
    times: dict[str, list[float]] = {path: [] for path in PROBES}

    async def one(path: str) -> None:
        start = time.perf_counter()
        stream = await asyncio.open_connection("127.0.0.1", port)
        status = await ask(stream, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        times[path].append(time.perf_counter() - start if status == 200 else float("inf"))
        stream[1].close()

    asked = []
    while time.time() < end:
        asked += [asyncio.create_task(one(path)) for path in PROBES]
        await asyncio.sleep(0.05)
    await asyncio.gather(*asked)
    return times


def in_process(connection: Any, function: Any, port: int, end: float) -> None:
    """Run one of the two above on the second core, and send back what it returns."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    connection.send(asyncio.run(function(port, end)))


@contextmanager
def a_fifth_of_a_core() -> Iterator[Path]:
    """Make a control group with 20 ms in every 100 ms, under version 1 or 2; yield the file that processes join."""
    version_2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    group = Path("/sys/fs/cgroup" if version_2 else "/sys/fs/cgroup/cpu") / f"saturation-{os.getpid()}"
    group.mkdir()
    try:
        if version_2:
            (group / "cpu.max").write_text("20000 100000")
        else:
            (group / "cpu.cfs_period_us").write_text("100000")
            (group / "cpu.cfs_quota_us").write_text("20000")
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


@contextmanager
def serving(join: Path | None) -> Iterator[int]:
    """Start the service on the first core; yield its port once it is ready."""
    core = min(os.sched_getaffinity(0))

    def confine() -> None:
        os.sched_setaffinity(0, {core})
        if join is not None:
            join.write_text(str(os.getpid()))

    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "credit_risk_model.service", "--port", "0"],
            cwd=ROOT,
            env=os.environ | {"REST_CONFIG": "configuration/rest_configuration.yaml"},
            stderr=log,
            preexec_fn=confine,
        )
        try:
            text = ""
            while "Loaded" not in text:
                time.sleep(0.1)
                log.seek(0)
                text = log.read()
            yield int(re.search(r"running on http://127.0.0.1:(\d+)", text)[1])  # type: ignore[index]  # before "Loaded"
        finally:
            process.terminate()
            process.wait()


def measure(join: Path | None) -> dict[str, Any]:
    """Return what the probes and the predictions got in `SECONDS`."""
    with serving(join) as port:
        end = time.time() + SECONDS
        results = []
        for function in (all_loads, probe):
            here, there = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.Process(target=in_process, args=(there, function, port, end))
            process.start()
            results.append((here, process))
        statuses, times = (here.recv() for here, _ in results)
        for _, process in results:
            process.join()
    return {
        "predictions per second": round(statuses[200] / SECONDS),
        "refused per second": round(statuses[503] / SECONDS),
        "lost": sum(count for status, count in statuses.items() if status not in (200, 503)),
        "probes in ms": {
            path: {
                "count": len(found),
                "p50": round(statistics.median(found) * 1e3, 1),
                "p99": round(statistics.quantiles(found, n=100)[98] * 1e3, 1),
                "max": round(max(found) * 1e3, 1),
            }
            for path, found in times.items()
        },
    }


def main() -> None:
    """Measure, print and record."""
    result: dict[str, Any] = {
        "machine": os.environ.get("MACHINE", "2 shared cores of an AMD EPYC"),
        "date": time.strftime("%Y-%m-%d"),
        "connections": CONNECTIONS,
        "seconds": SECONDS,
        "a whole core": measure(None),
    }
    try:
        with a_fifth_of_a_core() as join:
            result["a fifth of a core"] = measure(join)
    except OSError as error:
        print(f"A fifth of a core was not measured, a control group needs root: {error}.", file=sys.stderr)
    text = json.dumps(result, indent=2) + "\n"
    RESULT.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
