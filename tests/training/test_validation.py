"""What deepchecks finds, and what stops the packaging."""

from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from credit_risk_model.training import checks, estimator, split, validation
from credit_risk_model.training.checks import Finding
from credit_risk_model.training.validation import ValidationError

DRIFT = Finding("split", "Feature Drift", "failed", "scores: too high")


@pytest.fixture(scope="module")
def few_loans(aged_loans: pd.DataFrame) -> pd.DataFrame:
    return aged_loans.head(1_500)


def test_a_suite_is_reported(few_loans: pd.DataFrame) -> None:
    report = validation.data_integrity(few_loans)

    assert {finding.status for finding in report.findings} <= {"passed", "failed", "could not run"}
    assert len(report.findings) >= 10


def test_no_row_of_a_loan_is_shown(few_loans: pd.DataFrame) -> None:
    doubled = pd.concat([few_loans, few_loans.head(200)], ignore_index=True)

    page = validation.data_integrity(doubled).page.decode()

    assert "Outlier Sample Detection" not in page
    for income in few_loans["DebtToIncomeRatio"].head(200):
        assert f">{income}<" not in page


def test_a_model_is_validated(few_loans: pd.DataFrame) -> None:
    test = split.held_back(few_loans)
    booster: lightgbm.Booster = estimator.fit(few_loans[~test], {"n_estimators": 10, "num_leaves": 5})

    report = validation.model_evaluation(few_loans[~test], few_loans[test], booster, 0.3)

    assert {"Roc Report", "Weak Segments Performance", "Train Test Performance"} <= {
        finding.check for finding in report.findings if finding.status != "could not run"
    }
    # Plotly comes once, however many figures there are.
    assert len(report.page) < 8_000_000


def test_every_suite_that_matters_is_run(few_loans: pd.DataFrame) -> None:
    test = split.held_back(few_loans)

    findings = [
        *checks.of_loans(few_loans), *checks.of_split(few_loans[~test], few_loans[test]), validation.living_book(0.01),
        checks.of_model(estimator.is_risky(few_loans), np.arange(len(few_loans)) / len(few_loans)),
    ]  # fmt: skip

    assert {finding.suite for finding in findings} == set(validation.STOPPING)


# In the published book, 20,201 of 621,980 loans that are being paid are in grace or late: 3.2 %.
@pytest.mark.parametrize(
    ("flagged", "status"), [(0.0, "passed"), (0.097, "passed"), (0.098, "failed"), (0.86, "failed")]
)
def test_a_model_that_calls_many_current_loans_risky_is_not_packaged(flagged: float, status: str) -> None:
    finding = validation.living_book(flagged)

    assert finding.status == status
    if status == "failed":
        with pytest.raises(ValidationError, match="'Current Loans Flagged' of living_book"):
            validation.stop_at_what_matters([finding], {})


def test_a_finding_that_matters_stops() -> None:
    with pytest.raises(ValidationError, match="'Feature Drift' of split: scores: too high"):
        validation.stop_at_what_matters([DRIFT], {})


def test_an_input_with_one_value_is_noted() -> None:
    finding = Finding("loans", "Is Single Value", "failed", "CollectionsInLast12Months 1")

    validation.stop_at_what_matters([finding], {})

    assert "(noted)" in validation.table([finding], {})


def test_an_accepted_finding_does_not_stop() -> None:
    reasons = {("split", "Feature Drift"): "the new branch opened in spring"}

    validation.stop_at_what_matters([DRIFT], reasons)

    assert validation.as_json([DRIFT], reasons)[0]["accepted"] == "the new branch opened in spring"
    assert "accepted: the new branch" in validation.table([DRIFT], reasons)


def test_a_finding_of_another_suite_is_not_accepted_with_it() -> None:
    with pytest.raises(ValidationError):
        validation.stop_at_what_matters([DRIFT], {("train_test_validation", "Feature Drift"): "elsewhere"})


def test_a_finding_that_does_not_matter_is_noted() -> None:
    finding = Finding("data_integrity", "String Mismatch", "failed", "variants")

    validation.stop_at_what_matters([finding], {})

    assert "(noted)" in validation.table([finding], {})
    assert "  0 passed,  1 failed,  0 could not run" in validation.table([finding], {})


@pytest.mark.parametrize("entry", ["- check: x", "- suite: a\n  check: b\n  reason: ' '", "- 5"])
def test_a_finding_is_not_accepted_without_a_reason(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "accepted.yaml"
    path.write_text(entry)

    with pytest.raises(ValidationError, match="accepted"):
        validation.accepted(path)


def test_the_reviewed_file_is_valid() -> None:
    assert all(len(reason) > 40 for reason in validation.accepted().values())
