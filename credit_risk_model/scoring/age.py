"""The month that the age of the loans in a file is counted to."""

from dataclasses import replace

import pyarrow.compute as pc

from credit_risk_model.features import MONTHS_SINCE_ISSUE
from credit_risk_model.scoring import month_column
from credit_risk_model.scoring.loans import Columns, ScoringError
from credit_risk_model.scoring.part import Loans

LAST_PAYMENT = "last_pymnt_d"


def counted(loans: Loans, as_of: int | None) -> Loans:
    """Return the loans with the month that their age is counted to, where the file has the month of issue.

    Without `as_of`, this is the latest month of a payment in the file, which is read for it.

    Raises:
        ScoringError: `as_of` is given and the file has ages, or it is not given and the file has no month of a payment.
    """
    if MONTHS_SINCE_ISSUE.column not in loans.columns.features:  # neither do the 16 features have it
        if as_of is not None:
            raise ScoringError(f"{str(loans.path)!r} has {MONTHS_SINCE_ISSUE.field}: --as-of is not used, remove it.")
        return loans
    if as_of is None:
        as_of = _latest_payment(loans)
    return replace(loans, columns=replace(loans.columns, as_of=as_of))


def _latest_payment(loans: Loans) -> int:
    payments = replace(loans, columns=Columns((LAST_PAYMENT, MONTHS_SINCE_ISSUE.column), None))
    latest: list[int] = []
    try:
        for part in payments.parts():
            column = payments.read(part).values.column(LAST_PAYMENT)
            month = pc.max(month_column.numbers(column)).as_py() if month_column.holds_months(column.type) else None
            latest += [] if month is None else [month]
    except (KeyError, ValueError) as error:
        raise ScoringError(
            f"{str(loans.path)!r} has no column {LAST_PAYMENT} to find its month in: give --as-of, such as Jan-2016."
        ) from error
    if not latest:
        raise ScoringError(
            f"{str(loans.path)!r} has no month in the column {LAST_PAYMENT}: give --as-of, such as Jan-2016."
        )
    return max(latest)
