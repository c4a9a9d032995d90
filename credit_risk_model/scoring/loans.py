"""The loans of a file as the inputs of a model, with the month to which their age is counted."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.lending_club_book import LAST_PAID, MONTHS_SINCE_ISSUE
from credit_risk_model.loan_files import values
from credit_risk_model.loan_files.chunk import LoanFileError
from credit_risk_model.loan_files.kinds import KINDS
from credit_risk_model.loan_files.loans import Loans, open_loans
from credit_risk_model.loan_files.survey import NOTHING, Stated, survey
from credit_risk_model.scoring.error import ScoringError
from credit_risk_model.scoring.rows import Inputs


def open_inputs(
    path: Path,
    chunk_rows: int,
    *,
    identity: str | None = None,
    on_book: bool = False,
    as_of: int | None = None,
    stated: Stated = NOTHING,
) -> tuple[Loans, Inputs, list[str]]:
    """Open a file; return its loans, how they become inputs, and the forms in which it is written.

    Raises:
        LoanFileError: the file cannot be read, or leaves open what its numbers mean.
        ScoringError: the month to which the age counts is missing, or not needed.
    """
    features = (ON_BOOK if on_book else LOAN).features
    namings = [[feature.column for feature in features], [feature.field for feature in features]]
    loans = open_loans(path, namings, chunk_rows, identity, stated.encoding)
    meaning = survey(loans, stated)
    needs_month = MONTHS_SINCE_ISSUE.column in loans.columns.names
    if as_of is not None and not needs_month:
        raise ScoringError(f"{str(path)!r} has {MONTHS_SINCE_ISSUE.field}: --as-of is not used, remove it.")
    forms = [*loans.forms, *meaning.forms]
    if as_of is None and needs_month:
        as_of, other = _latest_payment(loans)
        forms += [f"{LAST_PAID}: {other!r} is not a month from Feb-1970 until today, and is ignored"] if other else []
    return loans, Inputs(loans.columns.names[: len(features)], on_book, as_of, meaning), forms


def _latest_payment(loans: Loans) -> tuple[int, str | None]:
    """Return the latest month of a payment in the file, which is read for it, and a text that is not a month."""
    try:
        payments = loans.with_columns([LAST_PAID])
    except LoanFileError as error:
        raise ScoringError(
            f"{str(loans.path)!r} has no column {LAST_PAID} to find its month in: give --as-of, such as Jan-2016."
        ) from error
    latest, other = 0, None
    for chunk in payments.chunks():
        column = payments.read(chunk).values.column(LAST_PAID)
        if KINDS[LAST_PAID].can_be(column.type):
            numbers, _ = values.month_numbers(column)
            latest = max(latest, pc.max(numbers).as_py() or 0)
            others = column.filter(numbers.is_null()).drop_null().cast(pa.string()).unique().to_pylist()
            other = other or next((text for text in others if not values.is_missing(text)), None)
    if not latest:
        raise ScoringError(
            f"{str(loans.path)!r} has no possible month in the column {LAST_PAID}: give --as-of, such as Jan-2016."
        )
    return latest, other
