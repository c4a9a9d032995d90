"""The commands of the training as processes: Ctrl-C ends them with one line, and their threads do not spin."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from credit_risk_model.training import synthetic
from tests.conftest import ROOT, until

# The command with models of a few trees, so that it soon comes to the reports.
TRAINING = """
import sys
from credit_risk_model.training import process
process.prepare()
from credit_risk_model.training import estimator, validation
from credit_risk_model.training.__main__ import main
estimator.ARTICLE["n_estimators"] = 5
if sys.argv[1:] == ["without deepchecks"]:
    validation.has_deepchecks = lambda: False
validation.STOPPING = ()
process.run(lambda: main(["--data", "loan.csv.gz", "--output", "1.zip"]), "Run the same command to resume.")
"""
SEARCH = "credit_risk_model.training.search", "--data", "loan.csv.gz", "--output", "found.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of loans, in which the interrupted commands run one after the other."""
    folder = tmp_path_factory.mktemp("interrupted")
    synthetic.write(folder / "loan.csv.gz", rows=2_000)
    return folder


def interrupted(folder: Path, words: str, command: list[str]) -> tuple[int, str]:
    """Run a command, press Ctrl-C when its output has these words, and return the exit code and stderr."""
    log, errors = folder / "log", folder / "errors"
    with log.open("w") as output, errors.open("w") as error_output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": f"{folder}:{ROOT}", "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=error_output,
            start_new_session=True,  # a process group of its own, as a terminal has it
        )
    try:
        until(lambda: words in log.read_text() + errors.read_text() or process.poll() is not None, words)
        assert process.poll() is None, errors.read_text()
        os.killpg(process.pid, signal.SIGINT)
        return process.wait(timeout=300), errors.read_text()
    finally:
        process.kill()
        process.wait()


def assert_ends_with_one_line(errors: str, line: str) -> None:
    """Check that stderr has the states of progress bars, and after them this line only."""
    assert errors.splitlines()[-1] == line
    for words in ("Traceback", "Exception ignored", "KeyboardInterrupt", "Error"):
        assert words not in errors


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("reading loan.csv.gz", []),
        ("threshold of credit_risk_model:", []),  # the first fit
        ("comparison credit_risk_model", []),
        ("page of credit_risk_model", []),
        ("bootstrap:", ["without deepchecks"]),  # its pages come first and take long
        ("profile of the loans", ["without deepchecks"]),
    ],
)
def test_ctrl_c_ends_the_training_with_one_line(folder: Path, words: str, options: list[str]) -> None:
    code, errors = interrupted(folder, words, ["-c", TRAINING, *options])

    assert code == 130
    assert_ends_with_one_line(errors, "Interrupted. Run the same command to resume.")
    assert not list(folder.glob("*.zip"))


@pytest.mark.parametrize("words", ["reading loan.csv.gz", "searching:"])
def test_ctrl_c_ends_the_search_with_one_line(folder: Path, words: str) -> None:
    code, errors = interrupted(folder, words, ["-m", *SEARCH])

    assert code == 130
    assert_ends_with_one_line(errors, "Interrupted. Nothing was written.")
    assert not (folder / "found.json").exists()


@pytest.mark.parametrize("module", ["credit_risk_model.training", SEARCH[0]])
def test_ctrl_c_during_the_imports_ends_with_one_line(tmp_path: Path, module: str) -> None:
    (tmp_path / "tqdm.py").write_text("import time\nprint('importing')\ntime.sleep(300)\n")  # found before the real one

    code, errors = interrupted(tmp_path, "importing", ["-m", module])

    assert code == 130
    assert errors == "Interrupted. Nothing was done.\n"


@pytest.mark.parametrize(("given", "used"), [(None, "passive"), ("active", "active")])
def test_the_threads_sleep_while_they_wait(monkeypatch: pytest.MonkeyPatch, given: str | None, used: str) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    program = (
        "import os, sys; from credit_risk_model.training import process; assert 'lightgbm' not in sys.modules;"
        "process.prepare(); print(os.environ['OMP_WAIT_POLICY'])"
    )

    assert subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True).strip() == used
