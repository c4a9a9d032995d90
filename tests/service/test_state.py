"""The states, and what the truth table says of them."""

import pytest

from credit_risk_model.service.state import TRUTH_TABLE, State, Status


def status(*facts: str) -> Status:
    """Return what the service knows where these facts are true and the others are not."""
    made = Status()
    for fact in facts:
        setattr(made, fact, (lambda: True) if fact.startswith("is_") else True)
    return made


def test_the_truth_table_has_each_state_once() -> None:
    assert list(TRUTH_TABLE) == list(State)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([], State.LOADING),
        (["loaded"], State.READY),
        (["loaded", "is_saturated"], State.SATURATED),
        (["loaded", "is_saturated", "is_stalled"], State.STALLED),
        (["loaded", "is_saturated", "terminating"], State.TERMINATING),
        (["loaded", "is_stalled", "terminating"], State.STALLED),
        (["loaded", "is_saturated", "is_stalled", "terminating", "draining"], State.DRAINING),
        (["load_failed"], State.LOAD_FAILED),
        (["load_failed", "terminating", "draining"], State.LOAD_FAILED),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_the_most_important_fact_decides_the_state(facts: list[str], state: State) -> None:
    assert status(*facts).state is state


def test_a_state_ends_when_its_cause_ends() -> None:
    service = status("loaded", "is_stalled")

    service.is_stalled = lambda: False

    assert service.state is State.READY


@pytest.mark.parametrize("facts", [[], ["load_failed"]])
def test_a_service_that_never_was_ready_has_nothing_to_drain(facts: list[str]) -> None:
    service = status(*facts)
    before = service.state

    assert not service.terminate()
    service.drain()

    assert service.state is before


@pytest.mark.parametrize(
    ("facts", "first"),
    [
        (["loaded"], State.TERMINATING),
        (["loaded", "is_saturated"], State.TERMINATING),
        (["loaded", "is_stalled"], State.STALLED),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_service_that_was_ready_terminates_and_then_drains(facts: list[str], first: State) -> None:
    service = status(*facts)

    assert service.terminate()
    assert service.state is first
    service.drain()
    assert service.state is State.DRAINING


def test_liveness_fails_only_if_stalled_or_load_failed() -> None:
    assert [state for state, row in TRUTH_TABLE.items() if row.health == 503] == [State.STALLED, State.LOAD_FAILED]


def test_the_startup_probe_fails_only_while_the_models_load() -> None:
    assert [state for state, row in TRUTH_TABLE.items() if row.startup != 200] == [State.LOADING]


def test_a_service_that_is_not_healthy_is_not_ready() -> None:
    assert all(row.ready == 503 for row in TRUTH_TABLE.values() if row.health == 503)


def test_every_503_except_load_failed_has_retry_after() -> None:
    refusing = {state for state, row in TRUTH_TABLE.items() if row.prediction == 503}

    assert {state for state, row in TRUTH_TABLE.items() if row.retry_after} == refusing - {State.LOAD_FAILED}
