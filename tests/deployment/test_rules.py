"""The rules for Prometheus: their tests in rules_test.yaml, and the runbook of each alert."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.deployment.prometheus import ALERTS, GROUPS, PROMTOOL, needs_prometheus
from tests.docs.documents import anchors

TESTS = Path(__file__).parent / "rules_test.yaml"
RUNBOOK = ROOT / "docs" / "operations.md"
NAMES = sorted({alert["alert"] for alert in ALERTS})


@needs_prometheus
def test_the_rules_pass_their_tests(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": GROUPS}))
    shutil.copy(TESTS, tmp_path)

    done = subprocess.run(
        [str(PROMTOOL), "test", "rules", str(tmp_path / TESTS.name)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_fires_in_a_test(name: str) -> None:
    text = TESTS.read_text()

    assert f"alertname: {name}\n" in text or f'ALERTS{{alertname="{name}", alertstate="firing"' in text


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_section_in_the_runbook(name: str) -> None:
    urls = {alert["annotations"]["runbook_url"] for alert in ALERTS if alert["alert"] == name}

    assert urls == {f"{RUNBOOK.relative_to(ROOT)}#{name.lower()}"}
    assert name.lower() in anchors(RUNBOOK)


@pytest.mark.parametrize("name", NAMES)
def test_the_section_says_what_to_look_at_and_what_to_do(name: str) -> None:
    _, _, section = RUNBOOK.read_text().partition(f"### {name}\n")
    section = re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0]

    assert "**Look at**" in section
    assert "**Do**" in section
