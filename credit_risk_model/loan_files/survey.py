"""What the numbers of a file mean where their form leaves it open: decimal commas, and fractions in place of per cent.

The first rows decide for the whole file. A file is refused with the option that decides if they can be read in two
ways, or if later rows contradict them.
"""

from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_model.loan_files import values
from credit_risk_model.loan_files.chunk import LoanFileError
from credit_risk_model.loan_files.csv_file import CsvLoans
from credit_risk_model.loan_files.kinds import KINDS, is_number
from credit_risk_model.loan_files.loans import Loans
from credit_risk_model.loan_files.marks import WITH_COMMA, Decimal, Mark, Marks, marks

_SAMPLE_ROWS, _MOST_ROWS = 10_000, 100_000  # of each file, and of all
# Of 1,000 real loans, 12 have a utilisation of at most 1.5 %, and 22 such a debt-to-income ratio.
_LARGEST_FRACTION = 1.5
_FEWEST = 3  # loans; fewer may well be small by chance
_SEPARATE = "Put the two kinds of rows into separate files."

PerCent = Literal["per-cent", "fraction"]


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What the user states of a file: None where the file shows it."""

    encoding: str | None = None
    decimal: Decimal | None = None
    per_cent: PerCent | None = None


NOTHING = Stated()


@dataclass(frozen=True)
class Meaning:
    """What commas and points mean, the columns with fractions, and the one with the ids; `notes` are to be reported."""

    path: Path = Path()
    stated: Stated = NOTHING
    marks: Marks = field(default_factory=Marks)
    fractions: tuple[str, ...] = ()
    id: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def forms(self) -> list[str]:
        """What a number means, by column, and what identifies a loan."""
        forms = []
        for name, shown in self.marks.shown.items():
            if shown and self.marks.decimal_comma(name):
                has_comma = WITH_COMMA.intersection(shown)
                forms.append(f"{name}: {values.DECIMAL_COMMA if has_comma else values.THOUSANDS_POINT}")
        return [*forms, *(f"{name}: {values.FRACTION}" for name in self.fractions), *self.notes]

    def numbers(self, name: str, column: pa.Array) -> tuple[pa.Array, values.Forms]:
        """Return a column as float64, null where a value is not a number, and the forms that were met.

        Raises:
            LoanFileError: the column contradicts the first rows.
        """
        kind = KINDS[name]
        numbers, forms = values.numbers(column, kind, decimal_comma=bool(self.marks.decimal_comma(name)))
        is_plain = is_number(column.type) or not (forms or numbers.null_count > column.null_count)
        if not is_plain and (text := self.marks.contradiction(name, column, kind)):
            what_to_do = _SEPARATE if self.stated.decimal else "Give --decimal comma or --decimal point."
            raise LoanFileError(
                f"{str(self.path)!r} has {text!r} in the column {name}, whose comma may be a decimal comma, although "
                f"the first rows show none there. {what_to_do}"
            )
        if name in self.fractions:
            if forms[values.PER_CENT] or (pc.approximate_median(numbers).as_py() or 0) > _LARGEST_FRACTION:
                raise LoanFileError(f"{str(self.path)!r} has per cent and fractions in the column {name}. {_SEPARATE}")
            return values.multiplied_by_100(numbers, forms)
        if kind.is_per_cent and self.stated.per_cent != "per-cent":
            _refuse_fractions(self, name, numbers, forms, f" in {len(column):,} rows")
        return numbers, forms


def survey(loans: Loans, stated: Stated) -> Meaning:
    """Look at the first rows of a file; what the user states decides what they leave open.

    Raises:
        LoanFileError: they leave something open that is not stated.
    """
    first = _sample(loans)
    file = loans.files[0]
    columns = {
        name: first.column(name) for name in first.schema.names if name in KINDS and KINDS[name].holds == "number"
    }
    texts = {name: marks(column, KINDS[name]) for name, column in columns.items()}
    is_comma_separated = not isinstance(file, CsvLoans) or file.form.delimiter == ","
    shown = Marks({name: frozenset(found) for name, found in texts.items()}, stated.decimal, is_comma_separated)
    meaning = Meaning(loans.path, stated, shown)
    for name, found in texts.items():
        if shown.decimal_comma(name) is None:
            raise LoanFileError(
                f"{str(loans.path)!r} has {found[Mark.COMMA].strip()!r} in the column {name}, whose comma may be a "
                "decimal comma or a thousands separator. Give --decimal comma or --decimal point."
            )
    fractions = []
    for name, column in columns.items():
        if KINDS[name].is_per_cent:
            numbers, forms = values.numbers(column, KINDS[name], decimal_comma=bool(shown.decimal_comma(name)))
            if stated.per_cent is None:
                _refuse_fractions(meaning, name, numbers, forms)
            elif stated.per_cent == "fraction" and not forms[values.PER_CENT]:
                fractions += [name] if (pc.max(numbers).as_py() or 0) <= _LARGEST_FRACTION else []
    id_name, notes = _identity(loans, first)
    return replace(meaning, fractions=tuple(fractions), id=id_name, notes=notes)


def _refuse_fractions(meaning: Meaning, name: str, numbers: pa.Array, forms: values.Forms, rows: str = "") -> None:
    """Raise the error of a column, in the first rows or in others, whose numbers look like fractions of per cent."""
    largest = pc.max(numbers).as_py() or 0
    if not 0 < largest <= _LARGEST_FRACTION or forms[values.PER_CENT]:
        return
    feature = KINDS[name].feature
    is_impossible = not rows and feature is not None and (feature.minimum or 0) > _LARGEST_FRACTION
    if is_impossible or pc.sum(pc.greater(numbers, 0)).as_py() >= _FEWEST:
        raise LoanFileError(
            f"{str(meaning.path)!r} has{rows} only numbers up to {largest:g} in the column {name}, which is in per "
            "cent: they look like fractions. "
            + (
                "Give --percent-as fraction if 0.13 means 13 %, or --percent-as per-cent if it means 0.13 %."
                if meaning.stated.per_cent is None
                else "The first rows have larger numbers. If these are in per cent too, give --percent-as per-cent. "
                "Otherwise, put the two kinds of rows into separate files."
            )
        )


def _identity(loans: Loans, first: pa.RecordBatch) -> tuple[str | None, tuple[str, ...]]:
    """Return the column that identifies a loan, if it has values, and what is to be reported of it."""
    name = loans.columns.id
    if name is None:
        return None, ("id: no such column, so the line is the id",)
    if first.num_rows and _is_blank(first.column(name)):
        ids = loans.with_columns([name])
        with closing(ids.chunks()) as chunks:  # later rows may have ids
            if all(_is_blank(ids.read(chunk).values.column(name)) for chunk in chunks):
                return None, (f"{name}: empty, so the line is the id",)
    return name, ()


def _is_blank(column: pa.Array) -> bool:
    return bool(values.without_blanks(column).null_count == len(column))


def _sample(loans: Loans) -> pa.RecordBatch:
    """Return the first rows of each file."""
    batches: list[pa.RecordBatch] = []
    for file in loans.files:
        if sum(batch.num_rows for batch in batches) < _MOST_ROWS:
            start = replace(file, chunk_rows=_SAMPLE_ROWS)
            with closing(start.chunks()) as chunks:
                batches += [start.read(chunk).values for chunk in islice(chunks, 1)]
    names = loans.columns.names
    arrays = [_joined([batch.column(name) for batch in batches]) for name in names]
    return pa.RecordBatch.from_arrays(arrays, list(names))


def _joined(arrays: list[pa.Array]) -> pa.Array:
    types = {array.type for array in arrays}
    arrays = arrays if len(types) == 1 else [array.cast(pa.string()) for array in arrays]
    return pa.concat_arrays(arrays) if arrays else pa.array([], pa.string())
