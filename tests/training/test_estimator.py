"""The fit, its repeatability, and the operating threshold."""

import numpy as np
import pandas as pd
import pytest

from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.training import estimator, evaluation, split
from credit_risk_model.training.estimator import EstimatorError
from credit_risk_model.training.preparation import RISK
from credit_risk_model.training.views import LOAN_NUMBER

SMALL = {"n_estimators": 20, "num_leaves": 7}
NONE = np.zeros(1_000, dtype=np.bool_)


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

    with pytest.raises(EstimatorError, match="a model needs risky and safe loans"):
        estimator.fit(one_class, SMALL)


def test_the_threshold_is_the_best_of_all(prepared_loans: pd.DataFrame) -> None:
    risky = estimator.is_risky(prepared_loans.head(300))
    probability = np.random.default_rng(1).random(len(risky)) * 0.5 + risky * 0.3

    threshold = estimator.choose_threshold(risky, probability, current=NONE[: len(risky)])

    best = max(evaluation.metrics(risky, probability, t)["f1"] for t in np.unique(probability))
    assert evaluation.metrics(risky, probability, threshold)["f1"] == pytest.approx(best)


def test_a_threshold_separates_two_clear_classes() -> None:
    assert estimator.choose_threshold(np.array([False, False, True]), np.array([0.1, 0.2, 0.7]), NONE[:3]) == 0.7


def test_few_current_loans_are_called_risky_whatever_f1_says() -> None:
    # 300 of 1,000 loans are risky. Most of them are found where half of the current ones are called risky as well.
    risky = np.arange(1_000) < 300
    probability = np.where(risky, 0.5, np.where(np.arange(1_000) % 2 == 0, 0.5, 0.1))
    probability[:20] = 0.9

    assert estimator.choose_threshold(risky, probability, current=NONE[:1_000]) == 0.5
    assert estimator.choose_threshold(risky, probability, current=~risky) == 0.9


def test_calibrated_probabilities_match_the_observed_shares(aged_loans: pd.DataFrame) -> None:
    learned = estimator.learn(aged_loans, SMALL | {"n_estimators": 200}, refit=False)
    unseen = aged_loans[split.for_validation(aged_loans)]

    probability = estimator.probabilities(learned.rehearsal, unseen)

    assert probability.mean() == pytest.approx(estimator.is_risky(unseen).mean(), abs=1e-3)


def test_a_calibrated_model_answers_on_the_line(prepared_loans: pd.DataFrame) -> None:
    booster = estimator.fit(prepared_loans, SMALL)
    before = np.asarray(booster.predict(prepared_loans[LOAN.names], raw_score=True))

    estimator.calibrate(booster, slope=0.7, intercept=-0.2)

    after = np.asarray(booster.predict(prepared_loans[LOAN.names], raw_score=True))
    assert np.allclose(after, 0.7 * before - 0.2, rtol=0, atol=1e-9)
    parts = np.asarray(booster.predict(prepared_loans[LOAN.names], pred_contrib=True)).sum(axis=1)
    assert np.allclose(parts, after, rtol=0, atol=1e-9)


def test_a_loan_that_paid_more_at_the_same_age_is_not_riskier(aged_loans: pd.DataFrame) -> None:
    booster = estimator.fit(aged_loans, SMALL | {"n_estimators": 100}, ON_BOOK)
    more = aged_loans.assign(TotalPaymentsToDate=aged_loans["TotalPaymentsToDate"] + 500)
    dearer = aged_loans.assign(InterestRate=aged_loans["InterestRate"] + 2)

    as_it_is = estimator.probabilities(booster, aged_loans, ON_BOOK)

    assert (estimator.probabilities(booster, more, ON_BOOK) <= as_it_is).all()
    assert (estimator.probabilities(booster, dearer, ON_BOOK) >= as_it_is).all()


def test_a_part_without_loans_is_named(prepared_loans: pd.DataFrame) -> None:
    with pytest.raises(EstimatorError, match="0 of the 0 loans held back are risky"):
        estimator.check_classes(prepared_loans.head(0), "held back")


def test_a_loan_with_many_views_weighs_less_than_all_of_them(aged_loans: pd.DataFrame) -> None:
    loans = aged_loans.head(400)
    rows = pd.concat([loans, *[loans.head(100)] * 3])  # four views of the first 100 loans, which weigh as much as two
    risky = estimator.is_risky(loans)
    no_split = {"n_estimators": 1, "min_child_samples": 10_000}

    known, unknown = (
        estimator.probabilities(estimator.fit(given, no_split), loans)
        for given in (rows, rows.drop(columns=LOAN_NUMBER))
    )

    assert np.allclose(known, np.average(risky, weights=[2] * 100 + [1] * 300))
    assert np.allclose(unknown, np.average(risky, weights=[4] * 100 + [1] * 300))


def test_no_loans_have_no_probabilities(prepared_loans: pd.DataFrame) -> None:
    booster = estimator.fit(prepared_loans.head(500), SMALL)

    assert estimator.probabilities(booster, prepared_loans.head(0)).shape == (0,)


def test_the_seed_decides_random_choices(prepared_loans: pd.DataFrame) -> None:
    chance = SMALL | {"bagging_fraction": 0.5, "bagging_freq": 1}

    first, again, other = (estimator.fit(prepared_loans, chance, seed=seed).predict(
        prepared_loans[LOAN.names]) for seed in (1, 1, 2))  # fmt: skip

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
