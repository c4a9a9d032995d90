"""The loans of a file as the inputs of a model."""

from dataclasses import dataclass
from pathlib import Path

from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.loan_files.opening import Loans, open_loans
from credit_risk_model.loan_files.survey import Decimal, PerCent, sample, survey
from credit_risk_model.scoring import age
from credit_risk_model.scoring.rows import Inputs


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the user says of a file: None where the file shows it."""

    id: str | None = None
    on_book: bool = False
    as_of: int | None = None
    encoding: str | None = None
    decimal: Decimal | None = None
    per_cent: PerCent | None = None


def open_inputs(path: Path, reading: Reading, chunk_rows: int) -> tuple[Loans, Inputs, list[str]]:
    """Open a file; return its loans, how they become inputs, and the forms in which it is written.

    Raises:
        LoanFileError: the file cannot be read, or leaves open what its numbers mean.
        ScoringError: the month to which the age counts is missing, or not needed.
    """
    features = (ON_BOOK if reading.on_book else LOAN).features
    namings = [[feature.column for feature in features], [feature.field for feature in features]]
    loans = open_loans(path, namings, chunk_rows, reading.id, reading.encoding)
    first = sample(loans)
    meaning = survey(loans, first, reading.decimal, reading.per_cent)
    identity, forms = loans.columns.id, [*loans.forms, *meaning.forms]
    if identity is not None and first.num_rows and first.column(identity).null_count == first.num_rows:
        forms.append(f"{identity}: empty, so the line is the id")
        identity = None
    inputs = Inputs(
        loans.columns.names[: len(features)], identity, reading.on_book, age.month(loans, reading.as_of), meaning
    )
    return loans, inputs, forms
