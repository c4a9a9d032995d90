"""The tables of docs/service.md are those of the code and the tests."""

import pytest

from benchmarks import record
from credit_risk_model.service.metrics import OUTCOMES
from tests.service.document import DOCUMENT, renewed, tables


def test_the_tables_are_fresh() -> None:
    text = DOCUMENT.read_text()

    assert renewed(text, tables()) == text, "stale: `make docs` renews it"


def test_every_outcome_is_documented() -> None:
    for outcome in OUTCOMES:
        assert f"`{outcome}`" in DOCUMENT.read_text()


def test_the_recorded_probes_were_quick_and_no_prediction_was_lost() -> None:
    measured = record.read("saturation")

    for name, goal in (("a whole core", 100), ("a fifth of a core", 1_000)):
        assert measured[name]["lost"] == 0
        assert all(probe["p99"] <= goal for probe in measured[name]["probes in ms"].values())


def test_an_empty_place_is_filled() -> None:
    text = "<!-- states -->\n<!-- end -->\n<!-- other -->\n<!-- end -->\n"

    assert renewed(text, {"states": "| |"}) == "<!-- states -->\n| |\n<!-- end -->\n<!-- other -->\n<!-- end -->\n"


@pytest.mark.parametrize("text", ["nothing", 2 * "<!-- states -->\n<!-- end -->\n"])
def test_a_table_without_exactly_one_place_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="states"):
        renewed(text, {"states": "| |"})
