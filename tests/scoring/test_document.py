"""What docs/files.md says is what the command does."""

import re

from credit_risk_model.scoring import arguments, job
from tests.conftest import ROOT

DOCUMENT = (ROOT / "docs" / "files.md").read_text()


def test_every_exit_code_is_documented() -> None:
    codes = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", DOCUMENT, re.MULTILINE) for code in row.split(", ")}

    assert codes == {0, 2, *arguments.Exit}
    assert set(map(int, re.findall(r"\b\d+\b", arguments.parser().epilog or ""))) == codes


def test_every_option_exists() -> None:
    options = {option for action in arguments.parser()._actions for option in action.option_strings}

    lines = [line for line in DOCUMENT.splitlines() if not line.startswith("kubectl ")]
    assert set(re.findall(r"--[a-z][a-z-]+", "\n".join(lines))) <= options


def test_the_slices_after_which_a_signal_is_obeyed_are_documented() -> None:
    assert f"({job._ROWS:,}, or {job._ROWS_WITH_REASONS} with reasons)" in " ".join(DOCUMENT.split())
    assert f"chunks of {arguments.CHUNK_ROWS:,} rows" in DOCUMENT
