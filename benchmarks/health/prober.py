"""Starts a server, asks its probes and one prediction once a second, and concludes what a kubelet would."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from benchmarks.load import ask_once, get, post
from benchmarks.process import CannotRunError, Running, started
from benchmarks.servers import Server
from credit_risk_model.features import LOAN

PERIOD, THRESHOLD = 1, 3  # seconds between two probes; failures in a row that count, the default of a kubelet
TIMEOUT, LONG_TIMEOUT = 1, 3  # seconds; the first is the default of a kubelet
PREDICTION = "prediction"


@dataclass(frozen=True)
class Sample:
    """One answer: its status, or `timeout`, `refused` or `lost`. `at` is in seconds since the start of the server."""

    at: float
    answer: int | str
    seconds: float

    def succeeds(self, timeout: float = TIMEOUT) -> bool:
        """Whether a kubelet with this timeout counts it as a success."""
        return isinstance(self.answer, int) and 200 <= self.answer < 400 and self.seconds <= timeout


Samples = dict[str, list[Sample]]


def prediction(server: Server) -> bytes:
    """Return the request of a valid prediction."""
    return post(server.path, json.dumps(server.body(LOAN.example)).encode())


@asynccontextmanager
async def observed(server: Server, **variables: str) -> AsyncIterator[tuple[Running, Samples]]:
    """Start the server with these variables of the environment, and probe it until the block ends."""
    samples: Samples = {}
    with started(server, variables=variables) as found:
        probing = asyncio.create_task(_probe(found, samples))
        try:
            yield found, samples
        finally:
            probing.cancel()
            with suppress(asyncio.CancelledError):
                await probing


async def _probe(found: Running, samples: Samples) -> None:
    """Add samples of each probe and of a prediction until this is cancelled."""
    server = found.server
    paths = {"startup": server.startup or server.ready, "ready": server.ready, "live": server.live}
    asked = {path: get(path) for path in paths.values()} | {PREDICTION: prediction(server)}
    found_by: dict[str, list[Sample]] = {path: [] for path in asked}
    samples.update({kind: found_by[path] for kind, path in paths.items()}, prediction=found_by[PREDICTION])

    async def one(path: str) -> None:
        while True:
            start = time.monotonic()
            answer = await ask_once(found.address, asked[path], LONG_TIMEOUT)
            end = time.monotonic()
            found_by[path].append(Sample(round(end - found.started, 2), answer, round(end - start, 3)))
            await asyncio.sleep(max(0, start + PERIOD - end))

    await asyncio.gather(*map(one, asked))


async def working(found: Running, samples: Samples, seconds: float = 90) -> float:
    """Wait until a prediction is answered; return when.

    Raises:
        CannotRunError: the process ended, or no prediction is answered in this time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and found.process.poll() is None:
        for sample in samples.get(PREDICTION, []):
            if sample.succeeds(LONG_TIMEOUT):
                return sample.at
        await asyncio.sleep(0.1)
    raise CannotRunError(f"answers no prediction; see {found.log}")


def since(samples: Samples, at: float) -> Samples:
    """Return the samples from this moment on."""
    return {kind: [sample for sample in each if sample.at >= at] for kind, each in samples.items()}


@dataclass(frozen=True)
class Verdict:
    """What a kubelet would do: from when it counts the server as started, sends it requests, and restarts it."""

    started: float | None
    in_service: list[tuple[float, float]]
    restarted: float | None


def kubelet(samples: Samples, timeout: float = TIMEOUT) -> Verdict:
    """Return what a kubelet would do.

    Without a path for the startup probe, it uses that of readiness; until it succeeds, no other probe counts.
    """
    started = next((sample.at for sample in samples["startup"] if sample.succeeds(timeout)), None)
    if started is None:
        return Verdict(None, [], None)
    ready, live = ([sample for sample in samples[kind] if sample.at >= started] for kind in ("ready", "live"))
    changes = beliefs(ready, timeout, False)
    end = max((sample.at for sample in ready), default=started)
    ends = [at for at, _ in changes[1:]] + [end]
    in_service = [(at, until) for (at, belief), until in zip(changes, ends, strict=True) if belief]
    restarted = next((at for at, belief in beliefs(live, timeout, True) if not belief), None)
    return Verdict(started, in_service, restarted)


def beliefs(samples: Sequence[Sample], timeout: float, first: bool) -> list[tuple[float, bool]]:
    """Return when a kubelet changes its mind: after one success, or after `THRESHOLD` failures in a row."""
    changes, failures = [(0.0, first)], 0
    for sample in samples:
        failures = 0 if sample.succeeds(timeout) else failures + 1
        belief = failures == 0 or (changes[-1][1] and failures < THRESHOLD)
        if belief != changes[-1][1]:
            changes.append((sample.at, belief))
    return changes


def evidence(samples: Samples) -> dict[str, list[str]]:
    """Return one line for equal answers in a row."""
    lines: dict[str, list[str]] = {}
    for kind, each in samples.items():
        runs = [list(run) for _, run in itertools.groupby(each, key=lambda sample: sample.answer)]
        lines[kind] = [
            f"{run[0].at:.1f} to {run[-1].at:.1f} s: {run[0].answer}, {len(run)} times, "
            f"slowest {max(sample.seconds for sample in run):.2f} s"
            for run in runs
        ]
    return lines
