"""The tables, pictures and examples that `make docs` writes are up to date."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from credit_risk_model import artifact
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.service.settings import Settings
from docs.tables import examples, health, pictures, speed
from tests.conftest import ROOT
from tests.docs.documents import DOCUMENTS, README

CARDS = {"model_card.md": artifact.PACKAGED, "on_book_model_card.md": artifact.PACKAGED_ON_BOOK}


def test_the_tables_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "-P", "--check", "--diff", *map(str, DOCUMENTS)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": "."}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, f"stale: `make docs` renews it\n{done.stdout}{done.stderr}"


def test_the_picture_of_the_reasons_is_up_to_date() -> None:
    assert pictures.REASONS.read_text() == pictures.reasons(), "stale: `make docs` draws it"


@pytest.mark.parametrize(
    ("draw", "picture"), [(speed.draw, pictures.SPEED), (health.draw, pictures.HEALTH)], ids=["speed", "health"]
)
def test_a_picture_of_the_benchmarks_is_up_to_date(draw: Callable[[Path], None], picture: Path, tmp_path: Path) -> None:
    draw(tmp_path / picture.name)

    assert picture.read_text() == (tmp_path / picture.name).read_text(), "stale: `make docs` draws it"


@pytest.mark.parametrize("path", [examples.LOAN, examples.FILE], ids=lambda path: path.name)
def test_an_example_is_up_to_date(path: Path, tmp_path: Path) -> None:
    examples.main(tmp_path)

    assert path.read_bytes() == (tmp_path / path.name).read_bytes(), "stale: `make docs` writes it"


@pytest.mark.parametrize("name", CARDS)
def test_a_model_card_equals_that_of_the_shipped_artifact(name: str) -> None:
    card = (ROOT / "docs" / name).read_bytes()

    assert card == artifact.verify(CARDS[name])["model_card.md"], "stale: `make train DATA=loan.csv` renews it"


def test_the_readme_describes_the_picture_of_the_reasons_correctly() -> None:
    """The sentence below the picture: the age makes the loan riskier, the payments outweigh it."""
    explanation = pictures.answer()
    contributions = {reason["feature"]: reason["contribution"] for reason in explanation["reasons"]}
    age, payments = contributions["months_since_issue"], contributions["total_payments_to_date"]
    loan = ON_BOOK.example

    assert explanation["credit_risk"] == "safe"
    assert age > 0 > age + payments
    assert loan["months_since_issue"] == 33
    assert loan["total_payments_to_date"] == pytest.approx(33 * loan["last_payment_amount"])


def test_the_readme_names_the_seconds_of_the_drain() -> None:
    text = " ".join(README.read_text().split())

    assert Settings().drain_seconds == 5
    assert "requests are answered for five more seconds" in text
    assert "| yes, 5 s |" in text


def test_the_documents_and_the_artifact_name_the_same_number_of_loans() -> None:
    metadata = artifact.read(artifact.PACKAGED, features=LOAN.specification()).metadata
    read = f"{metadata['data']['steps'][0][1]:,}"

    assert metadata["data"]["source"].startswith(f"{read} real Lending Club loans")
    assert f"learned from {read} real loans" in (ROOT / "docs" / "data.md").read_text()
    assert f"the {read} loans of" in (ROOT / "docs" / "training.md").read_text()
