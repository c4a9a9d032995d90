"""What models learn about loans that were just issued; the loans are synthetic."""

import numpy as np
import pandas as pd
import pytest

from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.training import book, estimator, split

SMALL = {"n_estimators": 100}


@pytest.fixture(scope="module")
def drawn(prepared_loans: pd.DataFrame) -> pd.DataFrame:
    return book.draw(prepared_loans, 3 * len(prepared_loans), seed=1)


def by_rate(learning: pd.DataFrame, drawn: pd.DataFrame, features: FeatureSet) -> pd.DataFrame:
    """Learn, and return the mean probability and the share of risky for loans just issued, by third of their rate."""
    learned = estimator.learn(learning[~split.held_back(learning)], SMALL, features)
    issued = drawn[split.held_back(drawn) & (drawn["MonthsSinceIssue"] <= 1)]
    assert len(issued) > 50
    answered = issued.assign(
        probability=estimator.probabilities(learned.booster, issued, features), risky=estimator.is_risky(issued)
    )
    third = pd.qcut(answered["InterestRate"], 3, labels=False)
    return answered.groupby(third)[["probability", "risky"]].mean()


@pytest.mark.parametrize(("features", "tolerance"), [(LOAN, 0.1), (ON_BOOK, 0.02)], ids=["without age", "with age"])
def test_a_loan_just_issued_gets_about_the_risk_of_its_rate(
    drawn: pd.DataFrame, features: FeatureSet, tolerance: float
) -> None:
    thirds = by_rate(drawn, drawn, features)

    assert np.allclose(thirds["probability"], thirds["risky"], rtol=0, atol=tolerance)


def test_learned_from_loans_as_recorded_a_loan_just_issued_would_look_risky(
    prepared_loans: pd.DataFrame, drawn: pd.DataFrame
) -> None:
    thirds = by_rate(book.as_recorded(prepared_loans), drawn, LOAN)

    assert (thirds["probability"] > thirds["risky"] + 0.2).all()
