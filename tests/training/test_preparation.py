"""The steps of the preparation, one by one."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from credit_risk_model.features import FEATURES, LOAN
from credit_risk_model.lending_club import RISK_OF_STATUS
from credit_risk_model.training import dataset, synthetic
from credit_risk_model.training.preparation import RISK, YEAR, PreparationError, Step, prepare


@pytest.fixture
def clean_loans(tmp_path: Path) -> pd.DataFrame:
    """200 loans of which no step drops one."""
    path = tmp_path / "loan.csv"
    synthetic.loans(1_000, seed=3).to_csv(path, index=False)
    loans = dataset.read(path, progress=False)
    ordinary = (
        loans.notna().all(axis=1)
        & loans["home_ownership"].isin(["RENT", "OWN", "MORTGAGE"])
        & loans["annual_inc"].between(40_000, 80_000)
        & loans["dti"].between(10, 25)
        & (loans["revol_util"] <= 100)
        & (loans[["delinq_2yrs", "pub_rec", "acc_now_delinq", "collections_12_mths_ex_med"]] == 0).all(axis=1)
    )
    return loans[ordinary].head(100).reset_index(drop=True)


def rows_after(loans: pd.DataFrame, column: str, value: Any) -> dict[str, int]:
    """Return the rows after each step once the first loan holds the value."""
    if loans[column].dtype == "category":
        loans[column] = loans[column].astype("object")
    loans.loc[0, column] = value
    if column in dataset.TEXTS:
        loans[column] = loans[column].astype("category")
    return {step.name: step.rows for step in prepare(loans)[1]}


def test_ordinary_loans_are_all_kept(clean_loans: pd.DataFrame) -> None:
    prepared, steps = prepare(clean_loans)

    assert len(clean_loans) == 100
    assert {step.rows for step in steps} == {100}
    assert list(prepared.columns)[: len(LOAN) + 2] == [*LOAN.names, RISK, YEAR]


@pytest.mark.parametrize(
    ("column", "kept", "dropped", "step"),
    [
        ("dti", 16.0, float("nan"), "rows with a null dropped"),
        ("emp_length", "3 years", None, "rows with a null dropped"),
        ("annual_inc", 60_000.0, 9_500_000.0, "annual income within 3 standard deviations"),
        ("dti", 16.0, 9_999.0, "debt-to-income ratio within 3 standard deviations"),
        ("acc_now_delinq", 6.0, 7.0, "at most 6 delinquent accounts"),
        ("home_ownership", "OWN", "OTHER", "home rented, owned or mortgaged"),
        ("home_ownership", "RENT", "ANY", "home rented, owned or mortgaged"),
        ("home_ownership", "MORTGAGE", "NONE", "home rented, owned or mortgaged"),
        ("collections_12_mths_ex_med", 5.0, 6.0, "at most 5 collections"),
        ("delinq_2yrs", 10.0, 11.0, "at most 10 delinquencies and 10 public records"),
        ("pub_rec", 10.0, 11.0, "at most 10 delinquencies and 10 public records"),
        ("revol_util", 100.0, 100.1, "revolving utilisation at most 100"),
    ],
)
def test_a_step_drops_only_the_loans_that_its_name_describes(
    clean_loans: pd.DataFrame, column: str, kept: object, dropped: object, step: str
) -> None:
    assert set(rows_after(clean_loans.copy(), column, kept).values()) == {100}

    rows = rows_after(clean_loans, column, dropped)

    before = list(rows)[list(rows).index(step) - 1]
    assert rows[before] == 100
    assert rows[step] == 99


@pytest.mark.parametrize(("ordinary", "outlying", "kept"), [(87, 10, 97), (91, 10, 91)])
def test_an_outlier_deviates_by_three_standard_deviations(
    clean_loans: pd.DataFrame, ordinary: int, outlying: int, kept: int
) -> None:
    # k of n loans with another value deviate by the square root of (n - k) / k: here by 2.95 and by 3.02.
    loans = pd.concat([clean_loans, clean_loans], ignore_index=True).head(ordinary + outlying)
    loans["annual_inc"] = 50_000.0
    loans.loc[: outlying - 1, "annual_inc"] = 90_000.0

    steps = {step.name: step.rows for step in prepare(loans)[1]}

    assert steps["annual income within 3 standard deviations"] == kept


def test_the_steps_are_reported_as_they_end(clean_loans: pd.DataFrame) -> None:
    reported: list[Step] = []

    _, steps = prepare(clean_loans, report=reported.append)

    assert reported == steps
    assert len(steps) == 10


@pytest.mark.parametrize(("status", "risk"), RISK_OF_STATUS.items())
def test_each_status_is_mapped_to_safe_or_risky(clean_loans: pd.DataFrame, status: str, risk: str) -> None:
    clean_loans["loan_status"] = pd.Categorical([status] * 100)

    prepared, _ = prepare(clean_loans)

    assert set(prepared[RISK]) == {risk}


@pytest.mark.parametrize(
    "status",
    [
        "Does not meet the credit policy.  Status:Charged Off",
        "Does not meet the credit policy. Status: Charged Off",
        "DOES NOT MEET THE CREDIT POLICY. STATUS:CHARGED OFF ",
    ],
)
def test_spaces_and_case_of_a_status_do_not_matter(clean_loans: pd.DataFrame, status: str) -> None:
    loans, _ = prepare(clean_loans.assign(loan_status=status))

    assert set(loans[RISK]) == {"risky"}
    assert set(loans["loan_status"]) == {"Does not meet the credit policy. Status:Charged Off"}


def test_five_statuses_are_risky() -> None:
    risky = [status for status, risk in RISK_OF_STATUS.items() if risk == "risky"]

    assert len(risky) == 5
    assert all("Charged Off" in status or "Late" in status or status == "Default" for status in risky)


def test_an_unknown_status_is_named(clean_loans: pd.DataFrame) -> None:
    with pytest.raises(PreparationError, match="unknown status 'Sold' in loan 1;"):
        rows_after(clean_loans, "loan_status", "Sold")


def test_an_unknown_category_is_named(clean_loans: pd.DataFrame) -> None:
    with pytest.raises(PreparationError, match="column purpose has the unknown value 'yacht' in loan 1;"):
        rows_after(clean_loans, "purpose", "yacht")


@pytest.mark.parametrize(("month", "year"), [("Dec-2011", 2011.0), ("soon", None), (None, None)])
def test_the_year_of_issue_is_kept_where_it_is_known(clean_loans: pd.DataFrame, month: str, year: float) -> None:
    assert set(rows_after(clean_loans, "issue_d", month).values()) == {100}

    found = prepare(clean_loans)[0][YEAR].iloc[0]

    assert pd.isna(found) if year is None else found == year


def test_a_step_that_leaves_nothing_is_named(clean_loans: pd.DataFrame) -> None:
    clean_loans["revol_util"] = 101.0

    with pytest.raises(PreparationError, match="revolving utilisation"):
        prepare(clean_loans)


def test_a_column_of_one_value_has_no_outliers(clean_loans: pd.DataFrame) -> None:
    clean_loans["annual_inc"] = 50_000.0

    assert len(prepare(clean_loans)[0]) == 100


def test_rare_categories_are_still_known(clean_loans: pd.DataFrame) -> None:
    prepared, _ = prepare(clean_loans[clean_loans["purpose"] == "debt_consolidation"].reset_index(drop=True))

    for feature in FEATURES:
        if feature.categories:
            assert list(prepared[feature.name].cat.categories) == feature.categories
