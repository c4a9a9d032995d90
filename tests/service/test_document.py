"""What docs/service.md says of the service."""

from credit_risk_model.service.metrics import OUTCOMES
from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "service.md"


def test_every_outcome_is_documented() -> None:
    for outcome in OUTCOMES:
        assert f"`{outcome}`" in DOCUMENT.read_text()
