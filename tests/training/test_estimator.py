"""The fit, its repeatability, and the operating threshold."""

import numpy as np
import pandas as pd
import pytest

from credit_risk_model.features import LOAN
from credit_risk_model.training import estimator, evaluation
from credit_risk_model.training.estimator import EstimatorError
from credit_risk_model.training.preparation import RISK

SMALL = {"n_estimators": 20, "num_leaves": 7}


def test_the_same_loans_give_the_same_model(prepared_loans: pd.DataFrame) -> None:
    first, second, other = (
        estimator.fit(prepared_loans, SMALL | more).model_to_string() for more in ({}, {}, {"num_leaves": 5})
    )

    assert first == second
    assert first != other


def test_the_number_of_threads_does_not_matter(prepared_loans: pd.DataFrame) -> None:
    one, two = (estimator.fit(prepared_loans, SMALL | {"num_threads": threads}) for threads in (1, 2))

    assert np.array_equal(estimator.probabilities(one, prepared_loans), estimator.probabilities(two, prepared_loans))


def test_progress_is_shown(prepared_loans: pd.DataFrame, capfd: pytest.CaptureFixture[str]) -> None:
    estimator.fit(prepared_loans, SMALL, progress="fitting")

    assert "fitting: 100%" in capfd.readouterr().err


@pytest.mark.parametrize("risk", ["safe", "risky"])
def test_one_class_alone_is_refused(prepared_loans: pd.DataFrame, risk: str) -> None:
    one_class = prepared_loans[prepared_loans[RISK] == risk]

    with pytest.raises(EstimatorError, match="a model needs risky and safe ones"):
        estimator.fit(one_class, SMALL)


def test_the_threshold_is_the_best_of_all(prepared_loans: pd.DataFrame) -> None:
    risky = estimator.is_risky(prepared_loans.head(300))
    probability = np.random.default_rng(1).random(len(risky)) * 0.5 + risky * 0.3

    threshold = estimator.choose_threshold(risky, probability)

    best = max(evaluation.metrics(risky, probability, t)["f1"] for t in np.unique(probability))
    assert evaluation.metrics(risky, probability, threshold)["f1"] == pytest.approx(best)


def test_a_threshold_between_two_clear_classes_parts_them() -> None:
    assert estimator.choose_threshold(np.array([False, False, True]), np.array([0.1, 0.2, 0.7])) == 0.7


def test_a_part_without_loans_is_named(prepared_loans: pd.DataFrame) -> None:
    with pytest.raises(EstimatorError, match="0 of the 0 loans held back are risky"):
        estimator.check_classes(prepared_loans.head(0), "held back")


def test_the_seed_decides_where_chance_does(prepared_loans: pd.DataFrame) -> None:
    chance = SMALL | {"bagging_fraction": 0.5, "bagging_freq": 1}

    first, again, other = (estimator.fit(prepared_loans, chance, seed=seed).predict(
        prepared_loans[LOAN.names]) for seed in (1, 1, 2))  # fmt: skip

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
