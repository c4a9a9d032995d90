"""The tables of docs/service.md are those of the code and the tests."""

from credit_risk_model.service.metrics import OUTCOMES
from tests.service.document import DOCUMENT, renewed


def test_the_tables_are_fresh() -> None:
    text = DOCUMENT.read_text()

    assert renewed(text) == text, "stale: `make docs` renews it"


def test_every_outcome_is_documented() -> None:
    for outcome in OUTCOMES.values():
        assert f"`{outcome}`" in DOCUMENT.read_text()
