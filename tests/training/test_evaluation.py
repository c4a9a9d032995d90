"""The figures of a model."""

from pathlib import Path

import numpy as np
import pytest

from credit_risk_model import artifact
from credit_risk_model.features import encode_frame, specification
from credit_risk_model.training import dataset, estimator, evaluation, invented, preparation


def test_the_figures_of_a_small_example() -> None:
    risky = np.array([True, True, False, False, False])
    probability = np.array([0.9, 0.4, 0.6, 0.2, 0.1])

    figures = evaluation.metrics(risky, probability, threshold=0.5)

    # One of two risky loans is found, one safe loan is taken for risky. Sorted by probability the labels are
    # + - + - -: average precision is 1/2 * 1/1 + 1/2 * 2/3, and 5 of the 6 pairs stand in the right order.
    assert figures == {
        "accuracy": pytest.approx(3 / 5),
        "precision": pytest.approx(1 / 2),
        "recall": pytest.approx(1 / 2),
        "f1": pytest.approx(1 / 2),
        "roc_auc": pytest.approx(5 / 6),
        "average_precision": pytest.approx(5 / 6),
    }


def test_a_loan_at_the_threshold_is_risky() -> None:
    assert evaluation.metrics(np.array([True, False]), np.array([0.5, 0.4]), threshold=0.5)["recall"] == 1.0


def test_one_prediction_costs_less_than_with_the_configuration_of_the_article(tmp_path: Path) -> None:
    # As many loans as the shipped model learned from: with few of them, the trees of the article stay stumps.
    invented.write(tmp_path / "loan.csv", rows=40_000)
    loans, _ = preparation.prepare(dataset.read(tmp_path / "loan.csv", progress=False))
    rows = encode_frame(loans.head(100))
    article = estimator.fit(loans, estimator.ARTICLE)
    shipped = artifact.read(artifact.PACKAGED, features=specification()).booster

    seconds = evaluation.seconds_per_loan({"shipped": shipped, "article": article}, rows)

    assert seconds["article"] / seconds["shipped"] >= 1.5
