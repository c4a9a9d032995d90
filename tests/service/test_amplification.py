"""Small or odd requests that ask for long answers."""

import json
from typing import Any

import httpx
import pytest

from credit_risk_model.features import LOAN
from tests.test_service import BATCH

LOANS = 1_000


def post(service: httpx.Client, content: str) -> httpx.Response:
    return service.post(BATCH, content=content, headers={"content-type": "application/json"})


def messages(answer: httpx.Response) -> list[str]:
    """Return the messages of an error, which are bounded."""
    assert answer.status_code == 400, answer.text
    assert len(answer.content) < 65_536
    found: list[str] = answer.json()["messages"]
    assert all(len(message) <= 303 for message in found)
    return found


def test_a_thousand_empty_loans_are_answered_with_a_hundred_messages_and_a_count(service: httpx.Client) -> None:
    found = messages(post(service, json.dumps({"loans": [{}] * LOANS})))

    assert len(found) == 101
    assert found[0] == f"loans[0].{next(iter(LOAN.example))}: Field required"
    assert found[-1] == f"and {LOANS * len(LOAN.example) - 100} more"


def test_a_hundred_messages_are_shown_without_a_count(service: httpx.Client, loan: dict[str, Any]) -> None:
    unknown = {f"k{number}": 1 for number in range(100)}

    found = messages(post(service, json.dumps({"loans": [loan | unknown]})))

    assert found == [f"loans[0].k{number}: Extra inputs are not permitted" for number in range(100)]


@pytest.mark.parametrize("loans", [1, LOANS])
def test_messages_about_many_unknown_fields_are_limited(service: httpx.Client, loans: int) -> None:
    unknown = {f"{number:04}" + "k" * 30: 1 for number in range(24_000 // loans)}

    found = messages(post(service, json.dumps({"loans": [unknown] * loans})))

    assert len(found) == 101


def test_a_body_with_too_many_values_is_refused_before_it_is_parsed(service: httpx.Client) -> None:
    unknown = {f"k{number}": 1 for number in range(50_000)}

    assert messages(post(service, json.dumps({"loans": [unknown]}))) == ["Invalid JSON: more than 50000 values."]


@pytest.mark.parametrize(
    "content",
    [
        '{"loans": [{"%s": 1}]}' % ("k" * 1_000_000),
        '{"loans": [{"%s": 1, "%s": 1}]}' % (("k" * 400_000,) * 2),
        json.dumps({"loans": [{f"{number}" * 250: 1} for number in range(LOANS)]}),
        json.dumps(
            {"loans": [{name: "v" * 1_000_000 if name == "term" else value for name, value in LOAN.example.items()}]}
        ),
    ],
    ids=["one name", "one name twice", "many names", "a value"],
)
def test_long_names_and_values_are_cut(service: httpx.Client, content: str) -> None:
    assert messages(post(service, content))


def test_a_long_path_is_cut(service: httpx.Client) -> None:
    answer = service.get("/" + "x" * 60_000)

    assert answer.status_code == 404
    assert len(answer.content) < 400
