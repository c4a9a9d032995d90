"""The load: connections that request predictions without a pause, and probes on their own connections."""

import asyncio
import http.client
import json
import math
import multiprocessing
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from typing import Any

from credit_risk_model.features import LOAN

Address = tuple[str, int]
PROBES = ("/api/health", "/api/health/ready", "/api/health/startup")
PREDICTION = "/api/models/credit_risk_model/prediction"
BODY = json.dumps(LOAN.example).encode()


def get(path: str) -> bytes:
    """Return a request for a probe."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """Return a request for a prediction."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


REQUEST = post(PREDICTION, BODY)


def answer(address: Address, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Return the status and the body of an answer; without a body, the request is a GET."""
    with closing(http.client.HTTPConnection(*address, timeout=60)) as connection:
        connection.request("GET" if body is None else "POST", path, body, {"Content-Type": "application/json"})
        found = connection.getresponse()
        return found.status, found.read()


async def ask(stream: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes) -> int:
    """Send a request; return the status of the answer, or 0 if there was no answer.

    The connection is closed if the answer says so.
    """
    reader, writer = stream
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if length := re.search(rb"(?i)content-length: (\d+)", head):
            await reader.readexactly(int(length[1]))
        else:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        if b"connection: close" in head.lower():
            writer.close()
    except (OSError, ValueError, asyncio.IncompleteReadError):
        return 0
    return int(head[9:12])


async def ask_once(address: Address, request: bytes, timeout: float | None = None) -> int | str:
    """Send a request on a new connection, as a kubelet does; return the status, or what happened instead."""
    writer = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(*address)
            return await ask((reader, writer), request) or "lost"
    except TimeoutError:
        return "timeout"
    except OSError:
        return "refused"
    finally:
        if writer:
            writer.close()


async def _load(address: Address, end: float, request: bytes, statuses: Counter[int]) -> None:
    """Send the request on one connection, the next one right after each answer, whatever its status."""
    stream = await asyncio.open_connection(*address, limit=2**22)
    while time.time() < end:
        statuses[await ask(stream, request)] += 1
    stream[1].close()


async def load(address: Address, end: float, connections: int, request: bytes = REQUEST) -> Counter[int]:
    """Return how often each status was answered on all connections together; 0 counts the missing answers."""
    statuses: Counter[int] = Counter()
    await asyncio.gather(*(_load(address, end, request, statuses) for _ in range(connections)))
    return statuses


async def probe(address: Address, end: float) -> dict[str, list[float]]:
    """Request each probe 20 times a second, each time on a new connection.

    Return the seconds that each answer took, by path; an answer other than 200 counts as infinite.
    """
    times: dict[str, list[float]] = {path: [] for path in PROBES}

    async def one(path: str) -> None:
        start = time.perf_counter()
        status = await ask_once(address, get(path))
        times[path].append(time.perf_counter() - start if status == 200 else float("inf"))

    asked = []
    while time.time() < end:
        asked += [asyncio.create_task(one(path)) for path in PROBES]
        await asyncio.sleep(0.05)
    await asyncio.gather(*asked)
    return times


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the least value that at least this percentage of the values do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def rates(statuses: Counter[int], seconds: float) -> dict[str, int]:
    """Return the predictions and refusals per second, and how many requests were lost."""
    return {
        "predictions per second": round(statuses[200] / seconds),
        "refused per second": round(statuses[503] / seconds),
        "lost": statuses.total() - statuses[200] - statuses[503],
    }


def loaded(
    address: Address, seconds: float, connections: int, request: bytes = REQUEST
) -> tuple[Counter[int], dict[str, list[float]]]:
    """Load the service and request its probes meanwhile, both from processes of their own; return what both found."""
    end = time.time() + seconds
    loading = in_process(load, address, end, connections, request)
    probing = in_process(probe, address, end)
    return loading(), probing()


def in_process(function: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> Callable[[], Any]:
    """Start a coroutine in a process on the last core; return a function that waits for its result."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=_run, args=(there, function, arguments))
    process.start()

    def result() -> Any:
        found = here.recv()
        process.join()
        return found

    return result


def _run(connection: Any, function: Callable[..., Coroutine[Any, Any, Any]], arguments: tuple[Any, ...]) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    connection.send(asyncio.run(function(*arguments)))
