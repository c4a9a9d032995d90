"""The recorded results reach their goals. `make bench`, `make microbench` and `make soak` record them."""

import pytest

from benchmarks import goals, profile, report, results
from benchmarks.servers import CEILING, MLSERVER_ALONE, OURS, SERVERS

SPEED = results.read("speed")
MODEL = results.read("model")["benchmarks"]
MISSED = {f"requests/s relative to {server.name}" for server in (CEILING, MLSERVER_ALONE)}  # docs/speed.md says why


def test_every_server_was_measured_or_the_reason_is_given() -> None:
    measured = SPEED["servers"].keys() | SPEED["not measured"].keys()

    assert measured == {server.name for server in SERVERS}


@pytest.mark.parametrize("goal", goals.goals(), ids=lambda goal: goal.what)
def test_the_goal_is_reached_or_known_to_be_missed(goal: goals.Goal) -> None:
    assert goal.reached or goal.what in MISSED
    assert not (goal.reached and goal.what in MISSED), (
        "the goal is reached now: remove it from MISSED and from docs/speed.md"
    )


def test_our_service_had_no_errors() -> None:
    assert not any(load["errors"] for turn in SPEED["servers"][OURS.name] for load in turn["loads"].values())


def test_the_time_is_linear_in_the_number_of_loans_and_the_memory_hardly_grows() -> None:
    found = {count: MODEL[f"number_of_loans[{count}]"] for count in (1_000, 10_000, 100_000, 1_000_000)}
    each = {count: figure["median seconds"] / count for count, figure in found.items()}

    assert max(each.values()) <= 1.3 * min(each[count] for count in (10_000, 100_000, 1_000_000))
    # Each loan adds its label (20 bytes) and a boolean. A matrix of 900,000 loans would take 115 MB.
    assert found[1_000_000]["peak MB"] - found[100_000]["peak MB"] <= 0.9 * 30


def test_two_hundred_thousand_requests_were_answered() -> None:
    found = results.read("soak")

    assert found["requests"] >= 200_000
    assert found["errors"] == 0


def test_the_model_causes_the_smaller_part_of_the_difference_to_the_ceiling() -> None:
    service, ceiling = report.parts(results.read("profile"))
    model = sum(service[part] - ceiling.get(part, 0) for part in ("the trees", "the rest of the model"))

    assert 0 < model < (sum(service.values()) - sum(ceiling.values())) / 2
    assert "the trees" not in ceiling


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        ("<module> (service/__main__.py:58);run (uvloop/__init__.py:92)", "event loop and kernel"),
        ("run (a/uvloop/__init__.py:92);send (a/uvicorn/protocols/http/httptools_impl.py:4)", "uvicorn"),
        (
            "_work (a/credit_risk_model/service/threads.py:50);_predict (a/service/predictions.py:4)",
            "JSON, validation, the answer",
        ),
        ("predict (a/credit_risk_model/prediction/model.py:9);__call__ (a/prediction/single_row.py:4)", "the trees"),
    ],
)
def test_the_innermost_known_frame_decides_the_part_of_a_stack(stack: str, part: str) -> None:
    assert profile.part(stack) == part
