"""The checks that stop a packaging, next to what deepchecks says of the same loans."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.training import checks, split, validation
from credit_risk_model.training.preparation import RISK

pytest.importorskip("deepchecks", reason="the extra `reports` is not installed")

Halves = tuple[pd.DataFrame, pd.DataFrame]

# The same check under the name of deepchecks, where it is another one.
RENAMED = {("split", "Feature Label Correlation"): "Feature Label Correlation Change"}
# It takes deepchecks seconds, so it is run for the two cases that are made for it.
SLOW = "Multivariate Drift"


def verdicts(findings: list[checks.Finding]) -> dict[str, bool]:
    """Return for each check of ours, by the name of deepchecks, whether it passed."""
    passed: dict[str, bool] = {}
    for finding in findings:
        name = RENAMED.get((finding.suite, finding.check), finding.check)
        passed[name] = passed.get(name, True) and finding.status == "passed"
    return passed


def of_deepchecks(suite: str, names: set[str], *datasets: Any) -> dict[str, bool]:
    """Return for each of these checks of a suite of deepchecks whether it passed with the limits of the suite."""
    run = getattr(validation._deepchecks().suites, suite)()
    for index, check in list(run.checks.items()):
        if check.name() not in names:
            run.remove(index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = run.run(*datasets, with_display=False).results
    return verdicts([finding for result in results for finding in validation._findings(suite, result)])


def failed(findings: list[checks.Finding]) -> set[str]:
    return {finding.check for finding in findings if finding.status == "failed"}


@pytest.fixture(scope="module")
def few_loans(aged_loans: pd.DataFrame) -> pd.DataFrame:
    return aged_loans.head(1_500)


@pytest.fixture(scope="module")
def halves(few_loans: pd.DataFrame) -> Halves:
    test = split.held_back(few_loans)
    return few_loans[~test], few_loans[test]


def ordinary(loans: pd.DataFrame) -> pd.DataFrame:
    return loans


def conflicting(loans: pd.DataFrame) -> pd.DataFrame:
    turned = loans.head(300).assign(**{RISK: loans[RISK].cat.rename_categories(["risky", "safe"])})
    return pd.concat([loans, turned], ignore_index=True)


def constant(loans: pd.DataFrame) -> pd.DataFrame:
    return loans.assign(AnnualIncome=50_000.0)


def mixed(loans: pd.DataFrame) -> pd.DataFrame:
    purposes = loans["LoanPurpose"].astype(str)
    return loans.assign(LoanPurpose=purposes.mask(pd.Series(range(len(loans)), loans.index) % 20 == 0, "12.5"))


def given_away(loans: pd.DataFrame) -> pd.DataFrame:
    return loans.assign(InterestRate=(loans[RISK] == "risky") * 10.0 + loans["InterestRate"] / 100)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (ordinary, set()),
        (conflicting, {"Conflicting Labels"}),
        (constant, {"Is Single Value"}),
        (mixed, {"Mixed Data Types"}),
        (given_away, {"Feature Label Correlation"}),
    ],
)
def test_a_defect_of_the_loans_is_found_as_deepchecks_finds_it(
    few_loans: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], found: set[str]
) -> None:
    loans = change(few_loans)

    findings = checks.of_loans(loans)

    assert failed(findings) == found
    ours = verdicts(findings)
    assert ours == of_deepchecks("data_integrity", set(ours), validation._dataset(loans, LOAN))


def as_they_are(learning: pd.DataFrame, held_out: pd.DataFrame) -> Halves:
    return learning, held_out


def drifted_and_mixed(learning: pd.DataFrame, held_out: pd.DataFrame) -> Halves:
    loans = pd.concat([learning, held_out])
    dear = loans["InterestRate"] > loans["InterestRate"].median()
    return loans[~dear], pd.concat([loans[dear], loans[~dear].head(300)], ignore_index=True)


def with_a_new_category(learning: pd.DataFrame, held_out: pd.DataFrame) -> Halves:
    return learning[learning["LoanPurpose"] != "car"], held_out


def with_less_risk_learned(learning: pd.DataFrame, held_out: pd.DataFrame) -> Halves:
    one_of_ten = pd.Series(range(len(learning)), learning.index) % 10 == 0
    return learning[(learning[RISK] == "safe") | one_of_ten], held_out


def without_risk_learned(learning: pd.DataFrame, held_out: pd.DataFrame) -> Halves:
    return learning[learning[RISK] == "safe"], held_out


def given_away_to_learn_from(learning: pd.DataFrame, held_out: pd.DataFrame) -> Halves:
    return given_away(learning), held_out


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (as_they_are, set()),
        (drifted_and_mixed, {"Feature Drift", "Label Drift", "Multivariate Drift", "Train Test Samples Mix"}),
        (with_a_new_category, {"New Category Train Test"}),
        (with_less_risk_learned, {"Label Drift"}),
        (without_risk_learned, {"New Label Train Test", "Label Drift"}),
        (
            given_away_to_learn_from,
            {"Feature Label Correlation", "Feature Label Correlation Change", "Feature Drift", "Multivariate Drift"},
        ),
    ],
)
def test_a_defect_of_the_split_is_found_as_deepchecks_finds_it(
    halves: Halves, change: Callable[[pd.DataFrame, pd.DataFrame], Halves], found: set[str]
) -> None:
    learning, held_out = change(*halves)

    findings = checks.of_split(learning, held_out)

    assert failed(findings) == found
    ours = verdicts(findings)
    if change not in (as_they_are, drifted_and_mixed):
        del ours[SLOW]
    datasets = [validation._dataset(half, ON_BOOK) for half in (learning, held_out)]
    assert ours == of_deepchecks("train_test_validation", set(ours), *datasets)


def test_the_drift_of_each_feature_is_that_of_deepchecks(halves: Halves) -> None:
    learning, held_out = drifted_and_mixed(*halves)
    datasets = [validation._dataset(half, ON_BOOK) for half in (learning, held_out)]

    theirs = validation._deepchecks().checks.FeatureDrift().run(*datasets).value

    for feature in ON_BOOK.features:
        drift = checks.category_drift if feature.categories else checks.number_drift
        score = theirs[feature.name]["Drift score"]
        assert drift(learning[feature.name], held_out[feature.name]) == pytest.approx(score, abs=1e-9), feature.name


@pytest.mark.parametrize(
    ("risky", "status"),
    [
        ([0.9, 0.8, 0.7], "passed"),
        ([0.9, 0.1, 0.2], "passed"),  # an average precision of 0.6, and 0.27 in a random order
        ([0.3, 0.1, 0.2], "failed"),
    ],
)
def test_a_model_that_ranks_hardly_better_than_chance_is_found(risky: list[float], status: str) -> None:
    safe = [0.6, 0.5, 0.45, 0.4, 0.35, 0.15, 0.12, 0.05]

    finding = checks.of_model(np.array([True] * 3 + [False] * 8), np.array(risky + safe))

    assert (finding.check, finding.status) == ("Simple Model Comparison", status)


def test_an_input_with_one_value_is_named(few_loans: pd.DataFrame) -> None:
    assert checks.constant_inputs(few_loans) == []
    assert checks.constant_inputs(constant(few_loans)) == ["AnnualIncome"]


def test_one_view_of_each_loan_is_compared(aged_loans: pd.DataFrame) -> None:
    twice = pd.concat([aged_loans, aged_loans])

    assert sorted(checks.one_view(twice).index) == sorted(aged_loans.index)
