"""When a step of the training runs, and when its kept result is used."""

import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from credit_risk_model.training import estimator, steps
from credit_risk_model.training.steps import WORK, Steps, sources
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Callable[[], bool]:
    """Whether the last step ran."""
    return lambda: "kept from before" not in capsys.readouterr().out


def test_a_result_is_kept_until_the_run_is_complete(ran: Callable[[], bool]) -> None:
    first = Steps()
    assert first.take("root", math.sqrt, 4.0) == 2.0
    assert ran()

    assert Steps().take("root", math.sqrt, 4.0) == 2.0
    assert not ran()

    first.forget()
    assert Steps().take("root", math.sqrt, 4.0) == 2.0
    assert ran()


def test_a_complete_run_leaves_the_results_of_other_runs(ran: Callable[[], bool]) -> None:
    Steps().take("root", math.sqrt, 4.0)
    other = Steps()
    other.take("root", math.sqrt, 9.0)
    other.forget()
    ran()

    Steps().take("root", math.sqrt, 4.0)

    assert not ran()


def test_a_step_runs_again_for_another_argument(loans_file: Path, ran: Callable[[], bool]) -> None:
    loans = pd.DataFrame({"amount": [1.0, 2.0]})
    Steps().take("mean", statistics.mean, loans["amount"])
    ran()

    Steps().take("mean", statistics.mean, loans["amount"].copy())
    assert not ran()
    Steps().take("mean", statistics.mean, loans["amount"] + 1)
    assert ran()


def test_a_step_runs_again_for_another_package(monkeypatch: pytest.MonkeyPatch, ran: Callable[[], bool]) -> None:
    Steps().take("root", math.sqrt, 4.0)
    ran()
    monkeypatch.setattr(steps, "distributions", list)

    Steps().take("root", math.sqrt, 4.0)

    assert ran()


def test_a_step_runs_again_when_code_that_it_imports_has_changed(
    monkeypatch: pytest.MonkeyPatch, ran: Callable[[], bool]
) -> None:
    Steps().take("risk", estimator.check_classes, pd.DataFrame({"CreditRisk": ["safe", "risky"]}), "of a test")
    ran()
    monkeypatch.setattr(
        steps, "sources", lambda *names: sources(*names) | {"credit_risk_model.categories": "# changed"}
    )

    Steps().take("risk", estimator.check_classes, pd.DataFrame({"CreditRisk": ["safe", "risky"]}), "of a test")

    assert ran()


def test_the_code_of_a_module_is_its_own_and_that_of_all_modules_it_imports(tmp_path: Path) -> None:
    files = {
        "loans/__init__.py": "",
        "loans/model.py": "import json, loans.rows\nfrom loans.data import files\nfrom loans.names import NAME\n",
        "loans/rows.py": "def read():\n    from loans.late import LATE\n",
        "loans/late.py": "",
        "loans/data/__init__.py": "",
        "loans/data/files.py": "import loans.model\n",
        "loans/names.py": "NAME = 1\n",
        "loans/card.py": "import loans.model\n",
        "json.py": "of another package",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    found = sources(tmp_path, "loans.model")

    assert found.keys() == {
        "loans", "loans.model", "loans.rows", "loans.late", "loans.data", "loans.data.files", "loans.names",
    }  # fmt: skip
    assert found["loans.names"] == "NAME = 1\n"


_RUN = """
import sys
from pathlib import Path
from credit_risk_model.features import LOAN
from credit_risk_model.training import book, dataset, estimator, preparation, steps
loans = book.as_recorded(preparation.prepare(dataset.read(Path(sys.argv[1]), progress=False))[0])
kept = steps.Steps()
model = kept.take("model", estimator.learn, loans, {"n_estimators": 5}, LOAN)
kept.take("weights", estimator.probabilities, model.booster, loans, LOAN)
"""


def test_another_process_resumes_with_the_same_loans_and_the_same_model(loans_file: Path) -> None:
    first, second = (
        subprocess.check_output(
            [sys.executable, "-c", _RUN, str(loans_file)], env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True
        )
        for _ in range(2)
    )

    assert "kept" not in first
    assert second.splitlines() == ["model: kept from before", "weights: kept from before"]
    assert len(list(WORK.iterdir())) == 2
