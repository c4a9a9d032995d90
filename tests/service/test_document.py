"""What docs/service.md says of the service, and what was recorded of it."""

from benchmarks import results
from credit_risk_model.service.metrics import OUTCOMES
from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "service.md"


def test_every_outcome_is_documented() -> None:
    for outcome in OUTCOMES:
        assert f"`{outcome}`" in DOCUMENT.read_text()


def test_the_recorded_probes_were_quick_and_no_prediction_was_lost() -> None:
    measured = results.read("saturation")

    for name, goal in (("a whole core", 100), ("a fifth of a core", 1_000)):
        assert measured[name]["lost"] == 0
        assert all(probe["p99"] <= goal for probe in measured[name]["probes in ms"].values())
