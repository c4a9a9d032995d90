"""The scenarios find the truth and the lies of real servers."""

import asyncio
from dataclasses import replace

from benchmarks.health.__main__ import SERVERS
from benchmarks.health.scenarios import Times, failed_load, idle, shutdown, shutdown_outcome, slow_load

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


PROOF = {"not ready after seconds": None, "exit code": 0, "requests": {"new connections": {"answered": 9}}}


def test_a_server_that_stays_ready_and_loses_nothing_tells_the_truth() -> None:
    found = shutdown_outcome(PROOF)

    assert (found.truth, found.words) == (True, "still ready, none lost")


def test_a_server_that_loses_requests_lies_whether_it_was_ready_or_not() -> None:
    requests = {"new connections": {"answered": 5, "lost": 1, "refused": 2}}

    without_warning = shutdown_outcome(PROOF | {"requests": requests})
    with_warning = shutdown_outcome(PROOF | {"requests": requests, "not ready after seconds": 0.0})

    assert without_warning.truth is with_warning.truth is False
    assert without_warning.words == "no warning; refused or lost: 3 of 8 on new connections"
    assert with_warning.words == "not ready first; refused or lost: 3 of 8 on new connections"


def test_it_is_said_what_still_runs_after_a_shutdown() -> None:
    assert shutdown_outcome(PROOF | {"exit code": None}).words.endswith("; still running after 30 s")
    assert shutdown_outcome(PROOF | {"processes left": 4}).words.endswith("; its main process left 4 others running")


def test_our_service_keeps_connections() -> None:
    assert asyncio.run(idle(OURS, TIMES)).words == "kept for 0.1 s"
