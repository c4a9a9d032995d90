"""The figures of a model."""

import numpy as np
import pandas as pd
import pytest

from credit_risk_model.features import LOAN
from credit_risk_model.training import estimator, evaluation


def test_the_figures_of_a_small_example() -> None:
    risky = np.array([True, True, False, False, False])
    probability = np.array([0.9, 0.4, 0.6, 0.2, 0.1])

    figures = evaluation.metrics(risky, probability, threshold=0.5)

    # One of two risky loans is found, one safe loan is taken for risky. Sorted by probability the labels are
    # + - + - -: average precision is 1/2 * 1/1 + 1/2 * 2/3, and 5 of the 6 pairs are in the right order.
    assert figures == {
        "accuracy": pytest.approx(3 / 5),
        "precision": pytest.approx(1 / 2),
        "recall": pytest.approx(1 / 2),
        "f1": pytest.approx(1 / 2),
        "roc_auc": pytest.approx(5 / 6),
        "average_precision": pytest.approx(5 / 6),
        # Each loan has a bin of its own: 0.1, 0.6, 0.6, 0.2 and 0.1 from what came true.
        "calibration_error": pytest.approx((0.1 + 0.6 + 0.6 + 0.2 + 0.1) / 5),
    }


def test_a_loan_at_the_threshold_is_risky() -> None:
    assert evaluation.metrics(np.array([True, False]), np.array([0.5, 0.4]), threshold=0.5)["recall"] == 1.0


def test_more_trees_take_longer_for_one_loan(prepared_loans: pd.DataFrame) -> None:
    few, many = (estimator.fit(prepared_loans, {"n_estimators": trees, "num_leaves": 31}) for trees in (5, 500))

    seconds = evaluation.seconds_per_loan({"few": few, "many": many}, LOAN.encode_frame(prepared_loans.head(100)))

    assert seconds["many"] > seconds["few"]


def test_reasons_take_longer_than_a_prediction(prepared_loans: pd.DataFrame) -> None:
    booster = estimator.fit(prepared_loans, {"n_estimators": 50})
    rows = LOAN.encode_frame(prepared_loans.head(50))

    with_reasons = evaluation.seconds_per_loan({"this": booster}, rows, reasons=True)

    assert with_reasons["this"] > evaluation.seconds_per_loan({"this": booster}, rows)["this"]
