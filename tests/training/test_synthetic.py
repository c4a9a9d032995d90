"""The generator of loans for practice."""

from pathlib import Path

import pandas as pd
import pytest

from credit_risk_model.lending_club import RISK_OF_STATUS
from credit_risk_model.training import synthetic
from credit_risk_model.training.preparation import RISK


@pytest.fixture(scope="module")
def loans() -> pd.DataFrame:
    return synthetic.loans(20_000)


def test_there_are_74_columns(loans: pd.DataFrame) -> None:
    assert len(loans.columns) == len(set(synthetic.COLUMNS)) == 74


def test_every_status_occurs(loans: pd.DataFrame) -> None:
    assert set(loans["loan_status"]) == set(RISK_OF_STATUS)


def test_the_seed_decides(loans: pd.DataFrame) -> None:
    assert synthetic.loans(20_000).equals(loans)
    assert not synthetic.loans(20_000, seed=8).equals(loans)


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        synthetic.write(tmp_path / folder / "loan.csv.gz", rows=100)

    assert (tmp_path / "a" / "loan.csv.gz").read_bytes() == (tmp_path / "b" / "loan.csv.gz").read_bytes()


def test_the_instalment_pays_back_the_loan(loans: pd.DataFrame) -> None:
    months = loans["term"].str.extract(r"(\d+)")[0].astype(int)

    assert (loans["installment"] * months > loans["loan_amnt"]).all()


def test_loans_with_higher_rates_fail_more_often(loans: pd.DataFrame) -> None:
    risky = loans["loan_status"].map(RISK_OF_STATUS) == "risky"
    dear = loans["int_rate"] > loans["int_rate"].median()

    assert risky[dear].mean() > 1.5 * risky[~dear].mean()


def test_both_classes_are_there(prepared_loans: pd.DataFrame) -> None:
    share = (prepared_loans[RISK] == "risky").mean()

    assert 0.05 < share < 0.4
