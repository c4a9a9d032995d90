"""What docs/service.md says of the service."""

import re

from credit_risk_model.service.metrics import OUTCOMES
from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "service.md"
MODULES = {path.name: path for path in (ROOT / "credit_risk_model" / "service").glob("[!_]*.py")}


def section(title: str) -> str:
    return DOCUMENT.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_outcome_is_documented() -> None:
    for outcome in OUTCOMES:
        assert f"`{outcome}`" in DOCUMENT.read_text()


def test_every_module_of_more_than_120_lines_is_explained() -> None:
    long = {name for name, path in MODULES.items() if len(path.read_text().splitlines()) > 120}
    explained = re.findall(r"`(\w+\.py)`", section("Size").partition("120 lines")[2])

    assert long <= set(explained)


def test_the_page_says_for_what_each_module_is_changed() -> None:
    named = set(re.findall(r"`(\w+\.py)`", section("Which file to change")))

    assert named == set(MODULES)
