"""The shipped artifacts are complete, learned from real loans, and reach their quality floor."""

import pytest

from credit_risk_model import artifact
from credit_risk_model.features import LOAN, ON_BOOK
from tests.training.test_pipeline import MEMBERS, OF_THE_LOANS

SHIPPED = {"loan": (artifact.PACKAGED, LOAN), "on book": (artifact.PACKAGED_ON_BOOK, ON_BOOK)}


def test_the_shipped_artifacts_are_small_and_complete() -> None:
    assert artifact.PACKAGED.stat().st_size + artifact.PACKAGED_ON_BOOK.stat().st_size < 20_000_000
    assert artifact.verify(artifact.PACKAGED).keys() == MEMBERS
    assert artifact.verify(artifact.PACKAGED_ON_BOOK).keys() == MEMBERS - OF_THE_LOANS


@pytest.mark.parametrize(("name", "average_precision", "f1"), [("loan", 0.35, 0.35), ("on book", 0.85, 0.8)])
def test_a_shipped_model_reaches_its_quality_floor_on_the_book(name: str, average_precision: float, f1: float) -> None:
    path, features = SHIPPED[name]

    metadata = artifact.read(path, features=features.specification()).metadata

    assert metadata["metrics"]["average_precision"] >= average_precision
    assert metadata["metrics"]["f1"] >= f1
    assert metadata["metrics"]["calibration_error"] <= 0.04
    assert metadata["compared"]["this model"]["the book"]["current_flagged"] <= 0.08


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_learned_from_real_loans(name: str) -> None:
    path, features = SHIPPED[name]

    metadata = artifact.read(path, features=features.specification()).metadata

    assert metadata["data"]["source"].startswith("49,579 real Lending Club loans")
    assert metadata["data"]["steps"][0][1] == 49_579
