"""The shares of training by bin, which the metrics of the service show."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from credit_risk_model import artifact
from credit_risk_model.categories import HomeOwnership
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.training import reference

OWNERS = [*HomeOwnership]


@pytest.fixture
def learning(prepared_loans: pd.DataFrame) -> pd.DataFrame:
    """Ten prepared loans with incomes from 10,000 to 100,000, one of them with a delinquency; nobody owns a home."""
    incomes, homes = [10_000 * n for n in range(1, 11)], ["RENT"] * 7 + ["MORTGAGE"] * 3
    return prepared_loans.head(10).assign(
        AnnualIncome=incomes,
        DelinquenciesInLast2Years=[0] * 9 + [3],
        HomeOwnership=pd.Categorical(homes, OWNERS),
    )


def test_the_bins_of_a_number_are_its_deciles(learning: pd.DataFrame) -> None:
    found = reference.shares(learning, np.zeros(10), 0.5, LOAN)["values"]["annual_income"]

    assert found == {str(10_000 * n): 0.1 for n in range(1, 10)} | {"+Inf": 0.1}


def test_deciles_that_are_equal_share_a_bin(learning: pd.DataFrame) -> None:
    found = reference.shares(learning, np.zeros(10), 0.5, LOAN)["values"]["delinquencies_in_last_2_years"]

    assert found == {"0": 0.9, "+Inf": 0.1}


def test_every_category_has_a_bin_and_so_do_the_others(learning: pd.DataFrame) -> None:
    found = reference.shares(learning, np.zeros(10), 0.5, LOAN)["values"]["home_ownership"]

    assert found == {"MORTGAGE": 0.3, "RENT": 0.7, "OWN": 0.0, "other": 0.0}


def test_labels_and_scores_are_those_of_the_rows_held_out(learning: pd.DataFrame) -> None:
    found = reference.shares(learning, np.array([0.05, 0.1, 0.3, 0.95]), 0.3, LOAN)

    assert found["labels"] == {"safe": 0.5, "risky": 0.5}
    assert list(found["values"]["score"]) == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "+Inf"]
    assert list(found["values"]["score"].values()) == [0.5, 0, 0.25, 0, 0, 0, 0, 0, 0, 0.25]


def test_both_artifacts_have_a_reference_for_every_input(
    practice_artifact: Path, practice_on_book_artifact: Path
) -> None:
    for path, features in ((practice_artifact, LOAN), (practice_on_book_artifact, ON_BOOK)):
        found = json.loads(artifact.verify(path)["metadata.json"])["reference"]

        assert list(found["values"]) == [*features.fields, "score"]
        for shares in (found["labels"], *found["values"].values()):
            assert sum(shares.values()) == pytest.approx(1)
