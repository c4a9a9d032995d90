"""What docs/files.md says is what the command does."""

import os
import re
import subprocess
import sys
from pathlib import Path

from credit_risk_model.scoring import arguments, job
from credit_risk_model.training import invented
from tests.conftest import ROOT

DOCUMENT = (ROOT / "docs" / "files.md").read_text()


def test_every_exit_code_is_documented() -> None:
    codes = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", DOCUMENT, re.MULTILINE) for code in row.split(", ")}

    constants = {value for name, value in vars(arguments).items() if name.startswith("EXIT_")}
    assert codes == constants | {0, 2}
    assert set(map(int, re.findall(r"\b\d+\b", arguments.parser().epilog or ""))) == codes


def test_every_option_exists() -> None:
    options = {option for action in arguments.parser()._actions for option in action.option_strings}

    assert set(re.findall(r"--[a-z][a-z-]+", DOCUMENT)) <= options


def test_the_commands_run_as_shown(tmp_path: Path) -> None:
    invented.loans(200).to_csv(tmp_path / "loans.csv", index=False)
    commands = re.findall(r"```sh\n(.+)\n```", DOCUMENT)
    shown = [command.replace(".venv/project/bin/python", sys.executable) for command in commands]

    done = [
        subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        for command in shown
    ]

    assert [process.returncode for process in done] == [3, 3], done
    assert "200 rows in = " in done[0].stdout
    assert "200 rows = " in done[1].stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "loans.csv", "scored.csv", "scored.csv.rejects.csv", "scored.csv.summary.json",
    }  # fmt: skip


def test_the_slices_after_which_a_signal_is_obeyed_are_documented() -> None:
    assert f"{job._ROWS_WITH_REASONS} rows with reasons, {job._ROWS:,} without" in " ".join(DOCUMENT.split())
    assert f"chunks of {arguments.CHUNK_ROWS:,} rows" in DOCUMENT
