"""The scenarios find the truth and the lies of real servers."""

import asyncio
from dataclasses import replace

from benchmarks.health.__main__ import SERVERS
from benchmarks.health.observation import Times
from benchmarks.health.scenarios import failed_load, idle, shutdown, slow_load

OURS = SERVERS[0]
TIMES = Times(load=8, failed=20, idle=(0.1,))
LIAR = replace(OURS, name="ready whenever it is alive", startup=None, ready=OURS.live)


def test_our_service_is_not_ready_before_its_model_is_loaded() -> None:
    found = asyncio.run(slow_load(OURS, TIMES))

    assert found.truth, found.words


def test_a_server_that_is_ready_before_its_model_is_loaded_is_found() -> None:
    found = asyncio.run(slow_load(LIAR, TIMES))

    assert not found.truth
    assert "before it could answer" in found.words


def test_our_service_is_never_ready_without_a_model() -> None:
    found = asyncio.run(failed_load(OURS, TIMES))

    assert found.truth, found.words


def test_our_service_loses_nothing_after_sigterm() -> None:
    found = asyncio.run(shutdown(OURS, TIMES))

    assert found.words == "not ready first, none lost"


def test_a_server_that_stops_at_once_is_found() -> None:
    hasty = replace(OURS, variables=OURS.variables | {"REST_DRAIN_SECONDS": "0"})

    found = asyncio.run(shutdown(hasty, TIMES))

    assert not found.truth


def test_our_service_keeps_connections() -> None:
    assert asyncio.run(idle(OURS, TIMES)).words == "kept for 0.1 s"
