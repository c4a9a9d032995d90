"""The loans of a file as the inputs of a model."""

from pathlib import Path

from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.loan_files.opening import Loans, open_loans
from credit_risk_model.loan_files.survey import Stated, sample, survey
from credit_risk_model.scoring import age
from credit_risk_model.scoring.rows import Inputs

_NOTHING = Stated()


def open_inputs(
    path: Path,
    chunk_rows: int,
    *,
    identity: str | None = None,
    on_book: bool = False,
    as_of: int | None = None,
    stated: Stated = _NOTHING,
) -> tuple[Loans, Inputs, list[str]]:
    """Open a file; return its loans, how they become inputs, and the forms in which it is written.

    Raises:
        LoanFileError: the file cannot be read, or leaves open what its numbers mean.
        ScoringError: the month to which the age counts is missing, or not needed.
    """
    features = (ON_BOOK if on_book else LOAN).features
    namings = [[feature.column for feature in features], [feature.field for feature in features]]
    loans = open_loans(path, namings, chunk_rows, identity, stated.encoding)
    first = sample(loans)
    meaning = survey(loans, first, stated.decimal, stated.per_cent)
    id_column, forms = loans.columns.id, [*loans.forms, *meaning.forms]
    if id_column is not None and first.num_rows and first.column(id_column).null_count == first.num_rows:
        forms.append(f"{id_column}: empty, so the line is the id")
        id_column = None
    inputs = Inputs(loans.columns.names[: len(features)], id_column, on_book, age.month(loans, as_of), meaning)
    return loans, inputs, forms
