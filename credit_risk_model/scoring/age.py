"""The month to which the age of the loans in a file is counted."""

import pyarrow.compute as pc

from credit_risk_model.lending_club_book import LAST_PAID, MONTHS_SINCE_ISSUE
from credit_risk_model.loan_files import month_column
from credit_risk_model.loan_files.chunk import LoanFileError
from credit_risk_model.loan_files.opening import Loans
from credit_risk_model.scoring.error import ScoringError


def month(loans: Loans, as_of: int | None) -> int | None:
    """Return the month, as a number, or None where the model or the file needs none.

    Without `as_of`, this is the latest month of a payment in the file, which is read for it.

    Raises:
        ScoringError: `as_of` is given and the file has ages, or it is not given and the file has no month of a payment.
    """
    if MONTHS_SINCE_ISSUE.column not in loans.columns.names:  # nor does the model without the age need it
        if as_of is not None:
            raise ScoringError(f"{str(loans.path)!r} has {MONTHS_SINCE_ISSUE.field}: --as-of is not used, remove it.")
        return None
    return _latest_payment(loans) if as_of is None else as_of


def _latest_payment(loans: Loans) -> int:
    try:
        payments = loans.with_columns([LAST_PAID])
    except LoanFileError as error:
        raise ScoringError(
            f"{str(loans.path)!r} has no column {LAST_PAID} to find its month in: give --as-of, such as Jan-2016."
        ) from error
    latest: list[int] = []
    for chunk in payments.chunks():
        column = payments.read(chunk).values.column(LAST_PAID)
        number = pc.max(month_column.numbers(column)).as_py() if month_column.holds_months(column.type) else None
        latest += [] if number is None else [number]
    if not latest:
        raise ScoringError(
            f"{str(loans.path)!r} has no month in the column {LAST_PAID}: give --as-of, such as Jan-2016."
        )
    return max(latest)
