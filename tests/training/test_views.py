"""What loans looked like earlier, from what was recorded later; the loans of these tests are synthetic."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from credit_risk_model import months
from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import LOAN
from credit_risk_model.lending_club import STATUS
from credit_risk_model.lending_club_book import INSTALLMENT, PAID, RECOVERIES
from credit_risk_model.training import views
from credit_risk_model.training.preparation import ISSUE_MONTH, LAST_MONTH, RISK, YEAR, risk

JANUARY_2016 = months.number("Jan-2016") or 0
ISSUED = months.number("Jan-2012") or 0


def recorded(status: str, paid: float, last: float, last_month: int | None, recoveries: float = 0.0) -> pd.DataFrame:
    """A loan of 12,000 over 36 months with an instalment of 400 and an investors' share of one half."""
    loan: dict[str, Any] = {feature.name: feature.example for feature in LOAN.features}
    loan |= {"TotalPaymentsToDate": paid / 2, "LastPaymentAmount": last, PAID: paid, RECOVERIES: recoveries}
    loan |= {STATUS: status, INSTALLMENT: 400.0, ISSUE_MONTH: float(ISSUED), YEAR: 2012.0}
    loan[LAST_MONTH] = np.nan if last_month is None else float(ISSUED + last_month)
    frame = pd.DataFrame([loan])
    return frame.assign(**{RISK: risk(frame[STATUS])})


PAID_BACK = recorded("Fully Paid", 20 * 400 + 5_000, 5_000, last_month=21)
CHARGED_OFF = recorded("Charged Off", 10 * 400 + 300, 400, last_month=10, recoveries=300)
CURRENT = recorded("Current", 47 * 400, 400, last_month=47)


def seen(loans: pd.DataFrame, age: int, times: int = 200) -> pd.DataFrame:
    """View the first loan at an age, often enough to meet every day of the month."""
    which, ages = np.zeros(times, np.int64), np.full(times, age)
    history = views.history(loans, JANUARY_2016)
    return views.frame(loans, views.states(history, which, ages, np.random.default_rng(1)))


def test_a_performing_loan_has_paid_its_instalments() -> None:
    loans = seen(CURRENT, 12)

    assert set(loans[STATUS]) == {"Current"}
    assert set(loans[RISK]) == {CreditRisk.SAFE}
    # The investors' half of 11 or 12 instalments: in some months the instalment is still to come.
    assert set(loans["TotalPaymentsToDate"]) == {2_200, 2_400}
    assert set(loans["LastPaymentAmount"]) == {400}
    assert set(loans["MonthsSinceIssue"]) == {12}


def test_a_loan_just_issued_has_paid_nothing() -> None:
    loans = seen(CURRENT, 0)

    assert set(loans[STATUS]) == {"Issued"}
    assert not loans[["TotalPaymentsToDate", "LastPaymentAmount"]].any(axis=None)


@pytest.mark.parametrize("loan", [PAID_BACK, CHARGED_OFF], ids=["paid back", "charged off"])
def test_before_its_end_a_loan_was_current_and_safe(loan: pd.DataFrame) -> None:
    loans = seen(loan, 8)

    assert set(loans[STATUS]) == {"Current"}
    assert set(loans[RISK]) == {CreditRisk.SAFE}
    assert set(loans["TotalPaymentsToDate"]) == {1_400, 1_600}


def test_an_earlier_view_has_not_paid_more_than_the_final_record() -> None:
    slowly = recorded("Fully Paid", 20 * 400 + 100, 100, last_month=24)

    assert set(seen(slowly, 21)["TotalPaymentsToDate"]) == {20 * 200, 20 * 200 + 50}
    assert set(seen(slowly, 23)[STATUS]) == {"Current"}
    assert set(seen(slowly, 23)["TotalPaymentsToDate"]) == {20 * 200 + 50}


def test_a_loan_paid_back_keeps_what_was_recorded() -> None:
    for age in (21, 48):
        loans = seen(PAID_BACK, age)

        assert set(loans[STATUS]) == {"Fully Paid"}
        assert set(loans["TotalPaymentsToDate"]) == {6_500}
        assert set(loans["LastPaymentAmount"]) == {5_000}


@pytest.mark.parametrize(
    ("age", "statuses"),
    [
        (11, {"Current", "In Grace Period"}),
        (12, {"Late (16-30 days)", "Late (31-120 days)"}),
        (14, {"Late (31-120 days)"}),
        (15, {"Late (31-120 days)", "Default"}),
        (16, {"Default", "Charged Off"}),
        (17, {"Charged Off"}),
        (48, {"Charged Off"}),
    ],
)
def test_a_loan_that_failed_goes_from_grace_to_charged_off(age: int, statuses: set[str]) -> None:
    found = set(seen(CHARGED_OFF, age)[STATUS])

    assert found == statuses


def test_recoveries_come_late() -> None:
    assert set(seen(CHARGED_OFF, 17)["TotalPaymentsToDate"]) == {2_000}
    assert set(seen(CHARGED_OFF, 24)["TotalPaymentsToDate"]) == {2_150}


def test_a_current_loan_is_as_recorded_in_the_month_of_its_record() -> None:
    loans = seen(CURRENT, JANUARY_2016 - ISSUED)

    assert set(loans["TotalPaymentsToDate"]) == {47 * 200}
    assert set(loans[STATUS]) == {"Current"}


def test_a_borrower_who_paid_ahead_did_so_evenly() -> None:
    ahead = recorded("Current", 20 * 800, 400, last_month=20)

    assert set(seen(ahead, 10)["TotalPaymentsToDate"]) == {9 * 400, 10 * 400}


def test_a_missing_month_of_payment_follows_from_the_amounts() -> None:
    loans = seen(recorded("Charged Off", 10 * 400, 400, last_month=None), 8)

    assert set(loans[STATUS]) == {"Current"}
    assert set(seen(recorded("Charged Off", 10 * 400, 400, last_month=None), 17)[STATUS]) == {"Charged Off"}


def test_views_of_recorded_loans_are_of_these_loans(prepared_loans: pd.DataFrame) -> None:
    random = np.random.default_rng(2)
    which, ages = random.integers(0, len(prepared_loans), 5_000), random.integers(0, 40, 5_000)
    history = views.history(prepared_loans, JANUARY_2016)
    at_issue = LOAN.at_issue().names

    loans = views.frame(prepared_loans, views.states(history, which, ages, random))

    pd.testing.assert_frame_equal(loans[at_issue], prepared_loans.iloc[which][at_issue].reset_index(drop=True))
    assert (loans[views.LOAN_NUMBER] == which).all()
    assert (loans["MonthsSinceIssue"] == ages).all()
    assert loans[[*LOAN.names, RISK]].notna().all(axis=None)


def test_the_payments_of_a_loan_paid_back_only_grow(prepared_loans: pd.DataFrame) -> None:
    loans = prepared_loans[prepared_loans[STATUS] == "Fully Paid"].head(500)
    history, which = views.history(loans, JANUARY_2016), np.arange(500)

    totals = np.array([
        views.states(history, which, np.full(500, age), np.random.default_rng(3)).total for age in range(1, 70, 2)
    ])  # fmt: skip

    assert (np.diff(totals, axis=0) >= 0).all()
    assert (totals[-1] == loans["TotalPaymentsToDate"]).all()
    assert (totals[0] < totals[-1]).mean() > 0.9
