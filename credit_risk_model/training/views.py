"""Computes the state of a loan in an earlier month from what was recorded later.

A loan that is paid as agreed has paid one instalment each month. A loan that failed did so until it stopped paying, and
a loan that was repaid early did so until its last payment. The status follows from the days past due, by Lending Club's
definition: in grace up to 15 days, late up to 120, in default up to 150, and then charged off.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_risk_model.lending_club import STATUS
from credit_risk_model.lending_club_book import INSTALLMENT, MONTHS_SINCE_ISSUE, OUTSIDE_POLICY, PAID, RECOVERIES
from credit_risk_model.training.preparation import ISSUE_MONTH, LAST_MONTH, RISK, risk

LOAN_NUMBER = "LoanNumber"

# Measured on loans of Lending Club: half of the loans that were current in January 2016 had not yet paid the instalment
# of that month. Of the loans charged off, almost none had recoveries within 7 months, and most had some after 8.
_NOT_YET_DUE = 0.5
# A loan is charged off this many months after its last payment.
MONTHS_TO_CHARGE_OFF = 6
_MONTHS_TO_RECOVERIES = 8

Values = NDArray[np.float64]


class History(NamedTuple):
    """The history of `n` prepared loans as arrays of shape (n,); amounts are in US dollars, months are numbers."""

    issued: Values
    instalment: Values
    share: Values  # the share of the payments that goes to investors
    paid_months: Values  # number of instalments paid before the loan stopped or was closed
    pace: Values  # payment per month as a share of the instalment; 1 is as agreed
    stops: NDArray[np.bool_]  # the loan is charged off, in default or late
    closes: Values  # age in months at which the loan was repaid, or infinity
    recorded: Values  # month in which an unfinished loan was recorded; nan for a finished loan
    total: Values
    last: Values
    recoveries: Values  # the share that goes to investors
    status: NDArray[np.object_]
    last_shares: Values  # last payments of current loans as shares of their instalments


class States(NamedTuple):
    """`n` states of loans: the position of the loan, its age in months, and what depends on the age; shapes (n,)."""

    loan: NDArray[np.int64]
    age: NDArray[np.int64]
    total: Values
    last: Values
    status: NDArray[np.object_]

    def taken(self, rows: NDArray[np.bool_]) -> "States":
        """Return the states where `rows` is true."""
        return States(self.loan[rows], self.age[rows], self.total[rows], self.last[rows], self.status[rows])


def status(loans: pd.DataFrame) -> NDArray[np.object_]:
    """Return the status of `n` loans, shape (n,), without the prefix about the credit policy."""
    return np.asarray(loans[STATUS].astype("object").str.removeprefix(OUTSIDE_POLICY), dtype=object)


def history(loans: pd.DataFrame, recorded: int) -> History:
    """Return the history of prepared loans, which were recorded in the month `recorded` or later."""
    recorded_status = status(loans)
    instalment, total, last = (
        loans[name].to_numpy() for name in (INSTALLMENT, "TotalPaymentsToDate", "LastPaymentAmount")
    )
    of_all = loans[PAID].fillna(loans["TotalPaymentsToDate"]).to_numpy()
    share = np.clip(np.divide(total, of_all, out=np.ones(len(loans)), where=of_all > 0), 0, 1)
    recoveries = np.clip(loans[RECOVERIES].fillna(0).to_numpy(), 0, of_all)
    issued = loans[ISSUE_MONTH].to_numpy()
    paid_back = recorded_status == "Fully Paid"

    instalments = np.clip((of_all - recoveries - np.where(paid_back, last, 0)) / instalment, 0, None)
    by_amount = np.round(instalments)
    by_date = np.where(loans[LAST_MONTH].isna(), by_amount, loans[LAST_MONTH] - issued - paid_back)
    # More than one instalment a month means that the borrower paid ahead. Less means that payments were late.
    months = np.maximum(np.where(instalments > by_date + 1, np.maximum(by_date, 0), by_amount), 0)
    pace = np.divide(instalments, months, out=np.ones(len(loans)), where=months > 0)

    finished = paid_back | (recorded_status == "Charged Off")
    performing = (recorded_status == "Current") & (last > 0)
    return History(
        issued=issued,
        instalment=instalment,
        share=share,
        paid_months=months,
        pace=np.clip(pace, 0.5, 2),
        stops=~np.isin(recorded_status, ["Fully Paid", "Current", "Issued"]),
        closes=np.where(paid_back, np.maximum(by_date, months) + 1, np.inf),
        recorded=np.where(finished, np.nan, np.maximum(recorded, issued + by_date)),
        total=total,
        last=last,
        recoveries=recoveries * share,
        status=recorded_status,
        last_shares=(last / instalment)[performing] if performing.any() else np.ones(1),
    )


def states(of: History, loan: NDArray[np.int64], age: NDArray[np.int64], random: np.random.Generator) -> States:
    """Return one state for each pair of a loan (its position) and an age in months."""
    total, last = of.total[loan], of.last[loan]
    pending = random.random(len(loan)) < _NOT_YET_DUE
    due = np.maximum(age - pending, 0)
    months = np.where(of.stops[loan], np.minimum(due, of.paid_months[loan]), due)
    missed = due - months
    seen = np.select(
        [age >= of.closes[loan], missed >= MONTHS_TO_CHARGE_OFF, missed == 5, missed >= 2, missed == 1, age <= pending],
        ["Fully Paid", "Charged Off", "Default", "Late (31-120 days)", "", "Issued"],
        "Current",
    ).astype(object)
    seen[missed == 1] = np.where(pending, "Late (16-30 days)", "In Grace Period")[missed == 1]

    paid = np.round(months * of.instalment[loan] * of.pace[loan] * of.share[loan], 2)
    # No loan had paid more before its last payment than after it.
    paid = np.where(np.isfinite(of.closes[loan]), np.minimum(paid, total), paid)
    # The latest payment differs from the instalment as often as in the recorded loans, about once in thirty.
    one_more = np.round(of.instalment[loan] * random.choice(of.last_shares, len(loan)), 2)
    as_recorded = np.isin(seen, ["Fully Paid", "Charged Off"])
    unrecovered = (seen == "Charged Off") & (missed < _MONTHS_TO_RECOVERIES)
    paid = np.where(as_recorded, total - np.where(unrecovered, of.recoveries[loan], 0), paid)
    one_more = np.where(as_recorded, last, np.where(months > 0, one_more, 0))

    same_month = of.recorded[loan] == of.issued[loan] + age
    return States(
        loan,
        age,
        np.where(same_month, total, np.round(np.maximum(paid, 0), 2)),
        np.where(same_month, last, one_more),
        np.where(same_month, of.status[loan], seen),
    )


def frame(loans: pd.DataFrame, seen: States) -> pd.DataFrame:
    """Return the states as prepared loans, with the columns `MonthsSinceIssue` and `LoanNumber`."""
    rows = loans.iloc[seen.loan].reset_index(drop=True)
    columns: dict[str, Any] = {
        "TotalPaymentsToDate": seen.total,
        "LastPaymentAmount": seen.last,
        STATUS: seen.status,
        RISK: risk(pd.Series(seen.status)),
        MONTHS_SINCE_ISSUE.name: seen.age.astype(np.float64),
        LOAN_NUMBER: seen.loan,
    }
    return rows.assign(**columns)
