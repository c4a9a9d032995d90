"""The page of the evaluation."""

import json
from typing import Any

import pandas as pd
import pytest

from credit_risk_model.training import comparison, estimator, evaluation, report

NAMES = (
    "risky_share", "mean_probability", "current_flagged", "precision", "recall", "f1", "roc_auc", "average_precision",
    "calibration_error",
)  # fmt: skip
FIGURES = {population: dict.fromkeys(NAMES, 0.5) for population in comparison.POPULATIONS}


@pytest.fixture(scope="module")
def evaluated(aged_loans: pd.DataFrame) -> dict[str, Any]:
    booster = estimator.fit(aged_loans.head(2_000), {"n_estimators": 20})
    held_back = aged_loans.tail(1_500)
    return evaluation.evaluate(held_back, estimator.probabilities(booster, held_back), 0.3, booster)


def test_the_same_evaluation_gives_the_same_page(evaluated: dict[str, Any]) -> None:
    assert report.page(evaluated, {}, "loans") == report.page(evaluated, {}, "loans")


def test_the_page_shows_the_figures_and_six_plots(evaluated: dict[str, Any]) -> None:
    page = report.page(evaluated, {"another": FIGURES}, "loans & more").decode()

    for value in evaluated["metrics"].values():
        assert f"{value:.3f}" in page
    assert page.count("<svg ") == 6
    assert "loans &amp; more" in page
    assert page.count("<td>another</td>") == len(comparison.POPULATIONS)


def test_what_is_evaluated_can_be_written_as_json(evaluated: dict[str, Any]) -> None:
    assert json.loads(json.dumps(evaluated, allow_nan=False)) == evaluated


def test_every_loan_counts_once_at_each_threshold(evaluated: dict[str, Any]) -> None:
    assert evaluated["threshold"] in [row["threshold"] for row in evaluated["confusion"]]
    for row in evaluated["confusion"]:
        assert sum(value for name, value in row.items() if name != "threshold") == evaluated["loans"]
        assert row["true_risky"] + row["false_safe"] == evaluated["risky"]


@pytest.mark.parametrize("title", ["purpose", "term"])
def test_every_loan_belongs_to_one_group(evaluated: dict[str, Any], title: str) -> None:
    groups = evaluated["groups"][title]

    assert sum(group["loans"] for group in groups) == evaluated["loans"]
    assert sum(group["risky"] for group in groups) == evaluated["risky"]


def test_the_bins_of_the_calibration_hold_all_loans(evaluated: dict[str, Any]) -> None:
    assert sum(found["loans"] for found in evaluated["calibration"]) == evaluated["loans"]
    for found in evaluated["calibration"]:
        assert 0 <= found["observed"] <= 1


def test_the_importance_adds_up_to_one(evaluated: dict[str, Any]) -> None:
    for kind in ("gain", "split"):
        assert sum(shares[kind] for shares in evaluated["importance"].values()) == pytest.approx(1)
