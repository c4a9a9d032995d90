"""The notebook matches its script, was executed, and shows no path of the machine that executed it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "notebooks" / "credit_risk_model.py"
NOTEBOOK = SCRIPT.with_suffix(".ipynb")
ANSWERS = (
    '503 {"startup_status":"NOT_STARTED"}',  # while it loads
    '200 {"readiness_status":"ACCEPTING_TRAFFIC"}',
    '200 {"credit_risk":"safe"}',
    '503 {"type":"LoadFailed"',
    "exit code 1",
    '503 {"readiness_status":"REFUSING_TRAFFIC"}',  # while it drains
    "exit code 0",
)


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_matches_its_script() -> None:
    script, notebook = jupytext.read(SCRIPT), jupytext.read(NOTEBOOK)

    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in script.cells
    ], "stale: `make notebook DATA=loan.csv` renews it"


def test_the_notebook_was_executed_from_top_to_bottom_without_an_error(cells: list[dict[str, Any]]) -> None:
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]


def test_the_notebook_was_executed_with_the_real_loans(cells: list[dict[str, Any]]) -> None:
    printed = json.dumps(cells)

    assert "real loans" in printed
    assert "SYNTHETIC" not in json.dumps([cell["outputs"] for cell in cells])
    assert "49,579 loans" in printed


def test_the_notebook_shows_no_path_of_a_machine() -> None:
    found = re.findall(r"(?:/home|/root|/Users|/tmp|/work|[A-Z]:\\\\)[/\w.-]*", NOTEBOOK.read_text())

    assert found == []


def test_the_notebook_runs_on_synthetic_loans(tmp_path: Path) -> None:
    (tmp_path / "configuration").symlink_to(ROOT / "configuration")
    environment = {name: value for name, value in os.environ.items() if name != "DATA"}
    environment |= {"ROWS": "3000", "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path)}
    output = tmp_path / "executed.ipynb"

    options = ["--to=ipynb", "--execute", f"--run-path={tmp_path}", f"--output={output}"]
    done = subprocess.run(
        [sys.executable, "-m", "jupytext", *options, str(SCRIPT)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3_000:]
    printed = "".join(
        text
        for cell in json.loads(output.read_text())["cells"]
        for shown in cell.get("outputs", [])
        for text in shown.get("text", [])
    )
    assert "SYNTHETIC loans" in printed
    assert [answer for answer in ANSWERS if answer not in printed] == []
