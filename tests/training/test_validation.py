"""What deepchecks finds, and what stops the packaging."""

from pathlib import Path

import lightgbm
import pandas as pd
import pytest

from credit_risk_model.training import estimator, split, validation
from credit_risk_model.training.preparation import RISK
from credit_risk_model.training.validation import Finding, ValidationError

DRIFT = Finding("train_test_validation", "Feature Drift", "failed", "scores: too high")


def failed(report: validation.Report) -> set[str]:
    return {finding.check for finding in report.findings if finding.status == "failed"}


@pytest.fixture(scope="module")
def few_loans(aged_loans: pd.DataFrame) -> pd.DataFrame:
    return aged_loans.head(1_500)


def test_ordinary_loans_pass_what_matters(few_loans: pd.DataFrame) -> None:
    report = validation.data_integrity(few_loans)

    assert not failed(report) & set(validation.STOPPING)
    assert {finding.status for finding in report.findings} <= {"passed", "failed", "could not run"}
    assert len(report.findings) >= 10


def test_conflicting_labels_are_found(few_loans: pd.DataFrame) -> None:
    turned = few_loans.head(300).assign(**{RISK: few_loans[RISK].cat.rename_categories(["risky", "safe"])})

    report = validation.data_integrity(pd.concat([few_loans, turned], ignore_index=True))

    assert "Conflicting Labels" in failed(report)


def test_a_column_of_one_value_is_found(few_loans: pd.DataFrame) -> None:
    report = validation.data_integrity(few_loans.assign(AnnualIncome=50_000.0))

    assert "Is Single Value" in failed(report)
    with pytest.raises(ValidationError, match="Is Single Value"):
        validation.stop_at_what_matters(report.findings, validation.accepted())


def test_no_row_of_a_loan_is_shown(few_loans: pd.DataFrame) -> None:
    doubled = pd.concat([few_loans, few_loans.head(200)], ignore_index=True)

    page = validation.data_integrity(doubled).page.decode()

    assert "Outlier Sample Detection" not in page
    for income in few_loans["DebtToIncomeRatio"].head(200):
        assert f">{income}<" not in page


def test_drift_and_leakage_are_found(few_loans: pd.DataFrame) -> None:
    dear = few_loans["InterestRate"] > few_loans["InterestRate"].median()
    leaked = pd.concat([few_loans[dear], few_loans[~dear].head(300)], ignore_index=True)

    report = validation.train_test_validation(few_loans[~dear], leaked)

    assert {"Feature Drift", "Train Test Samples Mix"} <= failed(report)


def test_a_model_is_validated(few_loans: pd.DataFrame) -> None:
    test = split.held_back(few_loans)
    booster: lightgbm.Booster = estimator.fit(few_loans[~test], {"n_estimators": 10, "num_leaves": 5})

    report = validation.model_evaluation(few_loans[~test], few_loans[test], booster, 0.3)

    assert {"Roc Report", "Weak Segments Performance", "Train Test Performance"} <= {
        finding.check for finding in report.findings if finding.status != "could not run"
    }
    # Plotly comes once, however many figures there are.
    assert len(report.page) < 8_000_000


def test_every_check_that_matters_is_run(few_loans: pd.DataFrame) -> None:
    test = split.held_back(few_loans)
    reports = (
        validation.data_integrity(few_loans),
        validation.train_test_validation(few_loans[~test], few_loans[test]),
    )

    findings = [*(finding for report in reports for finding in report.findings), validation.living_book(0.01)]
    assert set(validation.STOPPING) <= {finding.check for finding in findings if finding.status != "could not run"}


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
    with pytest.raises(ValidationError, match="'Feature Drift' of train_test_validation: scores: too high"):
        validation.stop_at_what_matters([DRIFT], {})


def test_an_accepted_finding_does_not_stop() -> None:
    reasons = {("train_test_validation", "Feature Drift"): "the new branch opened in spring"}

    validation.stop_at_what_matters([DRIFT], reasons)

    assert validation.as_json([DRIFT], reasons)[0]["accepted"] == "the new branch opened in spring"
    assert "accepted: the new branch" in validation.table([DRIFT], reasons)


def test_a_finding_of_another_suite_is_not_accepted_with_it() -> None:
    with pytest.raises(ValidationError):
        validation.stop_at_what_matters([DRIFT], {("data_integrity", "Feature Drift"): "elsewhere"})


def test_a_finding_that_does_not_matter_is_noted() -> None:
    finding = Finding("data_integrity", "String Mismatch", "failed", "variants")

    validation.stop_at_what_matters([finding], {})

    assert "(noted)" in validation.table([finding], {})
    assert "  0 passed,  1 failed,  0 could not run" in validation.table([finding], {})


@pytest.mark.parametrize("entry", ["- check: x", "- suite: a\n  check: b\n  reason: ' '", "- 5"])
def test_an_acceptance_without_a_reason_is_none(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "accepted.yaml"
    path.write_text(entry)

    with pytest.raises(ValidationError, match="accepted"):
        validation.accepted(path)


def test_the_reviewed_file_is_valid() -> None:
    assert all(len(reason) > 40 for reason in validation.accepted().values())
