"""A server that is started with a fault, and probed until the scenario ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from benchmarks.health.prober import LONG_TIMEOUT, PREDICTION, Samples, probe
from benchmarks.process import Running, started
from benchmarks.servers import Server


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


class CannotStartError(Exception):
    """A server without a fault answers no prediction."""


@asynccontextmanager
async def observed(server: Server, **variables: str) -> AsyncIterator[tuple[Running, Samples]]:
    """Start the server with these variables of the environment, and probe it until the block ends."""
    samples: Samples = {}
    with started(server, variables=variables) as found:
        probing = asyncio.create_task(probe(found, samples))
        try:
            yield found, samples
        finally:
            probing.cancel()
            with suppress(asyncio.CancelledError):
                await probing


async def working(found: Running, samples: Samples, seconds: float = 90) -> float:
    """Wait until a prediction is answered; return when.

    Raises:
        CannotStartError: the process ended, or no prediction is answered in this time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and found.process.poll() is None:
        for sample in samples.get(PREDICTION, []):
            if sample.succeeds(LONG_TIMEOUT):
                return sample.at
        await asyncio.sleep(0.1)
    raise CannotStartError(f"{found.server.name} answers no prediction; see {found.log}")


def since(samples: Samples, at: float) -> Samples:
    """Return the samples from this moment on."""
    return {kind: [sample for sample in each if sample.at >= at] for kind, each in samples.items()}
