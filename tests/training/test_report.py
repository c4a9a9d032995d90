"""The page of the evaluation."""

import json
from typing import Any

import pandas as pd
import pytest

from credit_risk_model.training import comparison, estimator, evaluation, lending_club_words, report

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


def page(evaluated: dict[str, Any], compared: comparison.Figures) -> str:
    data = {"source": "loans & more", "book": "as recorded"}
    shown = evaluated | {"populations": FIGURES}
    return report.page(shown, compared, "some_model", report.notice("some_model", data)).decode()


def test_the_same_evaluation_gives_the_same_page(evaluated: dict[str, Any]) -> None:
    assert page(evaluated, {}) == page(evaluated, {})


def test_the_page_starts_with_the_model_its_loans_and_its_limits(evaluated: dict[str, Any]) -> None:
    first = page(evaluated, {}).partition("<h2>")[0]

    assert "<title>Evaluation of some_model</title>" in first
    assert "<h1>How good some_model is</h1>" in first
    assert "<b>Loans:</b> loans &amp; more" in first
    assert "<b>Book:</b> as recorded" in first
    assert f"<b>Limits:</b> {lending_club_words.LIMITS_OF_PAGES}" in first
    assert "call at most 6.5% of the current loans risky" in first
    assert f"{evaluated['current_flagged']:.1%} of the current held-out loans risky" in first


def test_a_notice_goes_to_the_start_of_a_page_of_another_library() -> None:
    assert (
        report.with_notice(b'<html><body class="a">b</body>', "<p>c</p>") == b'<html><body class="a"><p>c</p>b</body>'
    )
    with pytest.raises(ValueError, match="no body"):
        report.with_notice(b"<html>", "<p>c</p>")


def test_the_page_shows_the_figures_and_six_plots(evaluated: dict[str, Any]) -> None:
    shown = page(evaluated, {"another": FIGURES})

    for value in evaluated["metrics"].values():
        assert f"{value:.3f}" in shown
    assert shown.count("<svg ") == 6
    assert shown.count("<td>another</td>") == len(comparison.POPULATIONS)


def test_what_is_evaluated_can_be_written_as_json(evaluated: dict[str, Any]) -> None:
    assert json.loads(json.dumps(evaluated, allow_nan=False)) == evaluated


def test_every_loan_counts_once_at_each_threshold(evaluated: dict[str, Any]) -> None:
    assert evaluated["threshold"] in [row["threshold"] for row in evaluated["confusion"]]
    for row in evaluated["confusion"]:
        assert sum(value for name, value in row.items() if name != "threshold") == evaluated["loans"]
        assert row["true_risky"] + row["false_safe"] == evaluated["risky"]


@pytest.mark.parametrize("title", ["status", "purpose", "term"])
def test_every_loan_belongs_to_one_group(evaluated: dict[str, Any], title: str) -> None:
    groups = evaluated["groups"][title]

    assert sum(group["loans"] for group in groups) == evaluated["loans"]
    assert sum(group["risky"] for group in groups) == evaluated["risky"]


def test_the_groups_by_status_count_how_many_of_each_are_found(evaluated: dict[str, Any]) -> None:
    groups = {group["group"]: group for group in evaluated["groups"]["status"]}
    risky = [group for group in groups.values() if group["risky"]]

    assert all(group["risky"] in (0, group["loans"]) for group in groups.values())
    recall = sum(group["flagged"] for group in risky) / sum(group["loans"] for group in risky)
    assert recall == pytest.approx(evaluated["metrics"]["recall"])
    assert groups["Current"]["flagged"] / groups["Current"]["loans"] == evaluated["current_flagged"]


def test_the_bins_of_the_calibration_hold_all_loans(evaluated: dict[str, Any]) -> None:
    assert sum(found["loans"] for found in evaluated["calibration"]) == evaluated["loans"]
    for found in evaluated["calibration"]:
        assert 0 <= found["observed"] <= 1


def test_the_importance_adds_up_to_one(evaluated: dict[str, Any]) -> None:
    for kind in ("gain", "split"):
        assert sum(shares[kind] for shares in evaluated["importance"].values()) == pytest.approx(1)
