"""The scenarios: what is done to a server, and whether its probes told the truth about it."""

import asyncio
import json
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.health.prober import LONG_TIMEOUT, TIMEOUT, evidence, kubelet, observed, prediction, since, working
from benchmarks.load import ask, ask_once, in_process, load, percentile, post
from benchmarks.process import Running
from benchmarks.served import faults
from benchmarks.servers import Server

REFUSALS = (429, 503)  # statuses that tell a client to come back
CONNECTIONS, CLIENTS = 256, 8
LATE = 3.0  # seconds for which clients do not know that a pod is shutting down
GRACE = 30.0  # seconds after which a kubelet kills a process that still runs, the default
OVERSIZED = 32 * 2**20  # bytes


@dataclass(frozen=True)
class Times:
    """How long the scenarios last, in seconds."""

    load: float = 20
    failed: float = 30
    overload: float = 30
    hang: float = 60
    idle: tuple[float, ...] = (4.9, 5.1, 30, 61)


@dataclass(frozen=True)
class Outcome:
    """Whether the probes told the truth, in what words, and what proves it."""

    truth: bool
    words: str
    evidence: dict[str, Any]


async def _ended(found: Running, seconds: float) -> tuple[int | None, float]:
    """Wait until the process ends; return its exit code, or None if it still runs after this time, and the seconds."""
    start = time.monotonic()
    while (code := found.process.poll()) is None and time.monotonic() < start + seconds:
        await asyncio.sleep(0.1)
    return code, round(time.monotonic() - start, 1)


async def slow_load(server: Server, times: Times) -> Outcome:
    """The model takes its time to load. Truth: not ready and not restarted until predictions are answered."""
    async with observed(server, **{faults.LOAD_SECONDS: str(times.load)}) as (found, samples):
        works = await working(found, samples, times.load + 90)
        await asyncio.sleep(5)
    verdict = kubelet(samples)
    ready = verdict.in_service[0][0] if verdict.in_service else None
    proof = {"first prediction": works, "ready": ready, "samples": evidence(samples)}
    if ready is None or ready > works + 4:
        return Outcome(False, "not ready when it could answer", proof)
    if ready < works - 2:
        return Outcome(False, f"ready {works - ready:.0f} s before it could answer", proof)
    if verdict.restarted:
        return Outcome(False, "restarted while it loaded", proof)
    return Outcome(True, "ready when it could answer", proof)


async def failed_load(server: Server, times: Times) -> Outcome:
    """The model cannot be loaded. Truth: never ready, and restarted, or ended."""
    async with observed(server, **{faults.LOAD_FAILS: "1"}) as (found, samples):
        code, _ = await _ended(found, times.failed)
    verdict = kubelet(samples)
    proof = {"exit code": code, "samples": evidence(samples)}
    if verdict.in_service:
        return Outcome(False, "ready without a model", proof)
    if code is not None:
        return Outcome(True, f"ends with {code}", proof)
    if verdict.started is None:
        return Outcome(True, "never started, so restarted", proof)
    if verdict.restarted is None:
        return Outcome(False, f"not ready, but alive and started for {times.failed:.0f} s", proof)
    return Outcome(True, "not ready, restarted", proof)


async def overload(server: Server, times: Times) -> Outcome:
    """256 connections send predictions. Truth: alive and ready, because predictions are answered; none is lost."""
    async with observed(server) as (found, samples):
        await working(found, samples)
        await asyncio.sleep(2)
        begin, end = time.monotonic() - found.started, time.time() + times.overload
        loading = in_process(load, found.address, end, CONNECTIONS, prediction(server))
        statuses: Counter[int] = await asyncio.wait_for(asyncio.to_thread(loading), times.overload + 120)
        await asyncio.sleep(2)
    during = since(samples, begin)
    probes = [sample.seconds for kind in ("live", "ready") for sample in during[kind]]
    lost = sum(count for status, count in statuses.items() if status not in (200, *REFUSALS))
    p99 = percentile(probes, 99)
    proof = {"statuses": dict(statuses), "p99 of the probes in s": round(p99, 3), "samples": evidence(during)}
    wrong = []
    for timeout in (LONG_TIMEOUT, TIMEOUT):
        verdict = kubelet(during, timeout)
        if verdict.started is None or verdict.restarted:
            wrong = [f"restarted with a timeout of {timeout} s"]
        elif [until for _, until in verdict.in_service] != [during["ready"][-1].at]:
            wrong = [f"out of service with a timeout of {timeout} s"]
        if wrong:
            break
    if lost:
        wrong.append(f"{lost:,} of {statuses.total():,} requests lost")
    words = ", ".join(wrong) or f"alive and ready at {statuses[200] / times.overload:,.0f} predictions/s"
    return Outcome(not wrong, f"{words}; p99 {p99 * 1e3:,.0f} ms", proof)


async def _client(found: Running, keep: bool, end: float, counts: Counter[str]) -> None:
    """Send a prediction every 20 ms, on one connection as long as it is open or on a new one each time."""
    stream, asked = None, prediction(found.server)
    while time.monotonic() < end:
        status, result = 0, "lost"
        try:
            async with asyncio.timeout(10):
                if stream is None or stream[0].at_eof() or stream[1].is_closing():
                    stream = await asyncio.open_connection(*found.address)
                status = await ask(stream, asked)
            result = "answered" if status == 200 else "refused" if status in REFUSALS else "lost"
        except TimeoutError:
            pass
        except OSError:
            result = "refused"
        counts[result] += 1
        if stream and not (status and keep):
            stream[1].close()
            stream = None
        await asyncio.sleep(0.02)


async def shutdown(server: Server, times: Times) -> Outcome:
    """SIGTERM under load. Truth: for as long as clients may not know, no request is refused or lost."""
    counts: dict[str, Counter[str]] = {"new connections": Counter(), "kept connections": Counter()}
    async with observed(server) as (found, samples):
        await working(found, samples)
        await asyncio.sleep(2)
        end = time.monotonic() + 2 + LATE
        clients = [
            asyncio.create_task(_client(found, name.startswith("kept"), end, each))
            for name, each in counts.items()
            for _ in range(CLIENTS)
        ]
        await asyncio.sleep(2)
        terminated = time.monotonic() - found.started
        found.process.send_signal(signal.SIGTERM)
        ending = asyncio.create_task(_ended(found, GRACE))
        await asyncio.gather(*clients)
        code, seconds = await ending
        left = 0 if code is None else len(found.processes())
    after = since(samples, terminated)
    not_ready = next((round(sample.at - terminated, 1) for sample in after["ready"] if sample.answer in REFUSALS), None)
    proof = {
        "not ready after seconds": not_ready,
        "ended after seconds": seconds,
        "exit code": code,
        "processes left": left,
        "requests": {name: dict(each) for name, each in counts.items()},
        "samples": evidence(after),
    }
    return shutdown_outcome(proof)


def shutdown_outcome(proof: dict[str, Any]) -> Outcome:
    """Judge a shutdown by whether it refused or lost requests; readiness may say 200 for as long as it does not."""
    requests = {name: Counter(each) for name, each in proof["requests"].items()}
    failed = [
        f"{each['refused'] + each['lost']} of {each.total()} on {name}"
        for name, each in requests.items()
        if each["refused"] or each["lost"]
    ]
    is_announced = proof["not ready after seconds"] is not None
    words = "not ready first" if is_announced else "no warning" if failed else "still ready"
    words += f"; refused or lost: {', '.join(failed)}" if failed else ", none lost"
    if proof.get("processes left"):
        words += f"; its main process left {proof['processes left']} others running"
    if proof["exit code"] is None:
        words += f"; still running after {GRACE:.0f} s"
    return Outcome(not failed, words, proof)


async def hang(server: Server, times: Times) -> Outcome:
    """Every prediction hangs. Truth: out of service, and restarted."""
    with tempfile.TemporaryDirectory() as folder:
        gate = Path(folder) / "gate"
        async with observed(server, **{faults.HANG_WHILE: str(gate)}) as (found, samples):
            await working(found, samples)
            await asyncio.sleep(2)
            hangs = time.monotonic() - found.started
            gate.touch()
            await asyncio.sleep(times.hang)
            gate.unlink()
    verdict = kubelet(samples)
    last = verdict.in_service[-1][1] - hangs if verdict.in_service else 0
    out = last if last < times.hang - 2 else None
    restarted = verdict.restarted and verdict.restarted - hangs
    proof = {"out of service after": out, "restarted after": restarted, "samples": evidence(since(samples, hangs))}
    words = f"out of service after {out:.0f} s" if out else f"ready for {times.hang:.0f} s"
    words += f", restarted after {restarted:.0f} s" if restarted else ", never restarted"
    return Outcome(bool(out and restarted), words, proof)


async def bad_requests(server: Server, times: Times) -> Outcome:
    """Bodies that are malformed, wrong or too long. Truth: 4xx, the client's fault; the probes do not change."""
    bodies = {
        "malformed": b'{"loan": ',
        "wrong": json.dumps({"unknown": "field"}).encode(),
        "32 MiB": b'{"padding": "%s"}' % (b"x" * OVERSIZED),
    }
    async with observed(server) as (found, samples):
        works = await working(found, samples)
        before = found.memory()
        answers = {
            name: await ask_once(found.address, post(server.path, body), timeout=30) for name, body in bodies.items()
        }
        grown = found.memory() - before
        await asyncio.sleep(3)
    verdict = kubelet(since(samples, works))
    proof = {"answers": answers, "growth of the memory in MB": round(grown), "samples": evidence(samples)}
    wrong = [f"{answer} to a {name} body" for name, answer in answers.items() if answer not in range(400, 500)]
    if verdict.restarted or len(verdict.in_service) != 1:
        wrong.append("its probes failed")
    return Outcome(not wrong, ", ".join(wrong) or ", ".join(map(str, answers.values())), proof)


async def idle(server: Server, times: Times) -> Outcome:
    """A kept connection is used again after a pause. Truth: it is answered, or was closed visibly before."""

    async def again(found: Running, seconds: float) -> str:
        stream = await asyncio.open_connection(*found.address)
        await ask(stream, prediction(server))
        await asyncio.sleep(seconds)
        closed = stream[0].at_eof() or stream[1].is_closing()
        answer = "closed before" if closed else "answered" if await ask(stream, prediction(server)) else "lost"
        stream[1].close()
        return answer

    async with observed(server) as (found, samples):
        await working(found, samples)
        answers = await asyncio.gather(*(again(found, seconds) for seconds in times.idle))
    proof = {"answers": dict(zip(map(str, times.idle), answers, strict=True)), "samples": evidence(samples)}
    kept = [seconds for seconds, answer in zip(times.idle, answers, strict=True) if answer == "answered"]
    if "lost" in answers:
        return Outcome(False, f"lost after {times.idle[answers.index('lost')]} s", proof)
    return Outcome(True, f"kept for {max(kept)} s" if kept else "closed before each", proof)


SCENARIOS: dict[str, Callable[[Server, Times], Awaitable[Outcome]]] = {
    "slow load": slow_load,
    "failed load": failed_load,
    "overload": overload,
    "SIGTERM": shutdown,
    "hang": hang,
    "bad requests": bad_requests,
    "idle connections": idle,
}
