"""The package with the files of examples/german_credit trains, evaluates, scores and serves these loans.

The loans are synthetic and like those of the German credit data set: no months, no payments, one row for each loan.
"""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from credit_risk_model import artifact
from credit_risk_model.prediction.model import CreditRiskModel
from tests.conftest import CONFIGURATION, ROOT, SERVICE_PYTHON, until
from tests.service.process import Service, running

PACKAGE = ROOT / "credit_risk_model"
EXAMPLE = ROOT / "examples" / "german_credit"
ROWS = 1_500
# deepchecks and the profile take minutes, and other tests run them.
TRAIN = f"""
import sys
sys.modules.update(deepchecks=None, data_profiling=None)
from credit_risk_model.training.__main__ import main
sys.exit(main(["--rows", "{ROWS}"]))
"""
LOAN = {
    "checking_account": "<0",
    "duration": 36,
    "credit_purpose": "new car",
    "credit_amount": 5_000,
    "savings_account": "<100",
    "age": 30,
}
MODELS = "/api/models/credit_risk_{}model/{}"


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=500)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package for these loans, and what its training has written."""
    folder = tmp_path_factory.mktemp("german")
    package = folder / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "*.zip", "on_book.py"))
    shutil.copytree(EXAMPLE, package, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    done = run(folder, "-c", TRAIN)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def packed(project: Path) -> Path:
    return project / "build" / "synthetic" / "1.zip"


@pytest.fixture(scope="module")
def members(packed: Path) -> dict[str, Any]:
    return {
        name: json.loads(content) if name.endswith(".json") else content.decode(errors="replace")
        for name, content in artifact.verify(packed).items()
    }


@pytest.fixture(scope="module")
def service(project: Path, packed: Path) -> Iterator[Service]:
    configuration = project / "rest_configuration.yaml"
    content = yaml.safe_load(CONFIGURATION.read_text())
    content["models"] = [model for model in content["models"] if "on_book" not in model["class_path"]]
    configuration.write_text(yaml.safe_dump(content))
    command = [SERVICE_PYTHON, "-m", "credit_risk_model.service"]
    environment = {"CREDIT_RISK_ARTIFACT_PATH": str(packed)}
    with running(project, configuration, environment, command=command, cwd=project) as started:
        until(lambda: started.statuses() == (200, 200, 200), "ready")
        yield started


def ask(service: Service, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = service.client.post(MODELS.format(kind, "prediction"), json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_each_file_of_the_example_replaces_one_of_the_package_and_is_on_the_page() -> None:
    page = (ROOT / "docs" / "training.md").read_text()
    names = {str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*.*") if "__pycache__" not in path.parts}

    assert "lending_club.py" in names
    for name in names:
        assert (PACKAGE / name).is_file(), name
        assert f"| `{name}` |" in page


def test_the_model_is_checked_and_ranks_the_loans(members: dict[str, Any]) -> None:
    assert members["metadata.json"]["data"]["rows"] == ROWS
    assert members["metadata.json"]["metrics"]["roc_auc"] > 0.7
    assert {finding["suite"] for finding in members["validation.json"]} == {"loans", "split", "model"}
    assert {finding["status"] for finding in members["validation.json"]} == {"passed"}
    assert set(members["evaluation.json"]["groups"]) == {"purpose", "checking account"}
    assert set(members["evaluation.json"]["populations"]) == {"the loans held out"}


def test_the_card_and_the_page_are_about_these_loans(packed: Path, members: dict[str, Any]) -> None:
    card = members["model_card.md"]
    page = artifact.verify_evidence(packed, members["metadata.json"])["evaluation.html"].decode()

    assert "the data set calls them bad" in card
    assert "`savings_account`: Balance of the savings account in DM." in card
    assert "a longer loan never has a lower probability" in card
    for text in (card, page[page.index("<h1>") :]):
        for word in ("Lending Club", "the book", "current loans", "year of issue", "{recall}", "payment"):
            assert word not in text, word


def test_a_file_is_scored(project: Path, packed: Path) -> None:
    (project / "in.csv").write_text(
        "checking_status,duration,purpose,credit_amount,savings_status,age\n"
        "<0,36,new car,5000,<100,30\n"
        "no checking,6,NEW CAR,1000,>=1000,50\n"
        "<0,36,boat,5000,<100,30\n"
    )

    done = run(project, "-m", "credit_risk_model.scoring", "in.csv", "out.csv", "--artifact", str(packed))

    assert "3 rows in = 2 scored + 1 rejected" in done.stdout, done.stderr
    with (project / "out.csv").open() as file:
        assert [row["credit_risk"] for row in csv.DictReader(file)] == ["risky", "safe"]
    assert "purpose is 'boat', expected one of 'new car'" in (project / "out.csv.rejects.csv").read_text()


def test_there_is_no_model_for_a_book(project: Path) -> None:
    done = run(project, "-m", "credit_risk_model.scoring", "in.csv", "out.csv", "--on-book")

    assert done.returncode == 2
    assert "--on-book: these loans have only one model" in done.stderr


def test_the_service_answers_one_loan_a_batch_and_the_reasons(service: Service, members: dict[str, Any]) -> None:
    explained = ask(service, "explanation_", LOAN)
    longer = ask(service, "explanation_", LOAN | {"duration": 48})

    assert ask(service, "", LOAN) == {"credit_risk": "risky"}
    assert ask(service, "batch_", {"loans": [LOAN]})["loans"][0]["probability"] == explained["probability"]
    assert longer["probability"] >= explained["probability"]
    assert {reason["feature"] for reason in explained["reasons"]} <= LOAN.keys()
    assert service.client.get(MODELS.format("", "card"), headers={"Accept": "text/html"}).status_code == 200


def test_its_artifact_is_not_loaded_for_other_features(packed: Path) -> None:
    with pytest.raises(artifact.ArtifactError, match="made for other features"):
        CreditRiskModel(artifact_path=str(packed))
