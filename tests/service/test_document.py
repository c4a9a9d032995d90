"""What docs/service.md says of the service."""

import re

from credit_risk_model.service.connections import ConnectionLimits, Connections
from credit_risk_model.service.metrics import OUTCOMES, Metrics
from credit_risk_model.service.state import Status
from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "service.md"
MODULES = {
    path.name: path for path in (ROOT / "credit_risk_model" / "service").glob("*.py") if path.name != "__init__.py"
}


def section(title: str) -> str:
    return DOCUMENT.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_outcome_is_documented() -> None:
    for outcome in OUTCOMES:
        assert f"`{outcome}`" in DOCUMENT.read_text()


def test_every_error_is_documented() -> None:
    code = "".join(path.read_text() for path in MODULES.values())
    raised = set(re.findall(r"Refusal\(\s*\d{3}, \"(\w+)\"", code))
    documented = set(re.findall(r"^\| \d{3} \| `(\w+)`", section("Errors"), re.MULTILINE))

    assert documented == raised


def test_every_metric_is_documented() -> None:
    metrics = Metrics(Status())
    Connections(ConnectionLimits(receive_seconds=1, buffer_bytes=1), metrics.registry)
    families = [family for family in metrics.registry.collect() if not family.name.startswith("process_")]
    names = [f"{family.name}_total" if family.type == "counter" else family.name for family in families]
    documents = DOCUMENT.read_text() + (ROOT / "docs" / "monitoring.md").read_text()

    assert [name for name in names if f"`{name}`" not in documents] == []
    assert len(names) > 10


def test_every_module_of_more_than_120_lines_is_explained() -> None:
    long = {name for name, path in MODULES.items() if len(path.read_text().splitlines()) > 120}
    explained = re.findall(r"`(\w+\.py)`", section("Size").partition("120 lines")[2])

    assert long <= set(explained)


def test_the_page_says_for_what_each_module_is_changed() -> None:
    named = set(re.findall(r"`(\w+\.py)`", section("Which file to change")))

    assert named == set(MODULES)
