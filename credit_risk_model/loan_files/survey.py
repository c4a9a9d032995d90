"""What the numbers of a file mean where their form leaves it open: decimal commas, and fractions in place of per cent.

The first rows decide for the whole file. One that can be read in two ways is refused with the option that decides.
"""

import re
from contextlib import closing
from dataclasses import dataclass, replace
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

_SAMPLE_ROWS, _MOST_ROWS = 10_000, 100_000  # of each file, and of all
_LARGEST_FRACTION = (
    1.5  # of 1,000 real loans, 12 have a utilisation of at most 1.5 %, and 22 such a debt-to-income ratio
)
_FEWEST = 3  # loans; fewer may well be small by chance

Decimal = Literal["comma", "point"]
PerCent = Literal["per-cent", "fraction"]


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What the user states of a file: None where the file shows it."""

    encoding: str | None = None
    decimal: Decimal | None = None
    per_cent: PerCent | None = None


_SPACE = re.compile(r"[\s'\u2019]+")  # around a number, or between its thousands
_AROUND = r"[^\d,.]*"  # a sign, a currency
_HAS_DECIMAL_COMMA, _HAS_THOUSANDS_COMMA, _HAS_THOUSANDS_POINT = (
    re.compile(f"{_AROUND}(?:{digits}){_AROUND}").fullmatch
    for digits in (
        r"\d+,(\d{0,2}|\d{4,})|\d{1,3}(\.\d{3})+,\d*|\d{4,},\d+|0+,\d+|,\d+",
        r"\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,}",
        r"[1-9]\d{0,2}(\.\d{3})+",
    )
)


@dataclass(frozen=True)
class Meaning:
    """The columns with decimal commas, those with points only between thousands, with fractions, and with the ids."""

    decimal_comma: tuple[str, ...] = ()
    thousands_point: tuple[str, ...] = ()
    fractions: tuple[str, ...] = ()
    id: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def forms(self) -> list[str]:
        """What a number means, by column, and what identifies a loan."""
        commas = [f"{name}: {values.DECIMAL_COMMA}" for name in self.decimal_comma]
        points = [f"{name}: {values.THOUSANDS_POINT}" for name in self.thousands_point]
        return [*commas, *points, *(f"{name}: {values.FRACTION}" for name in self.fractions), *self.notes]

    def numbers(self, name: str, column: pa.Array) -> tuple[pa.Array, values.Forms]:
        """Return a column as float64, null where a value is not a number, and the forms that were met."""
        decimal_comma = name in self.decimal_comma or name in self.thousands_point
        return values.numbers(column, KINDS[name], decimal_comma=decimal_comma, fraction=name in self.fractions)


def survey(loans: Loans, stated: Stated) -> Meaning:
    """Look at the first rows of a file; what the user states decides what they leave open.

    Raises:
        LoanFileError: they leave something open that is not stated.
    """
    first = _sample(loans)
    file = loans.files[0]
    delimiter = file.form.delimiter if isinstance(file, CsvLoans) else ","
    names = [name for name in first.schema.names if name in KINDS and KINDS[name].holds == "number"]
    numbers = {name: first.column(name) for name in names}
    commas, points = _with_decimal_comma(loans.path, numbers, delimiter, stated.decimal)
    fractions = []
    for name, column in numbers.items():
        if KINDS[name].is_per_cent and (largest := _fraction(column, name, name in commas + points)) is not None:
            if stated.per_cent is None:
                raise LoanFileError(
                    f"{str(loans.path)!r} has only numbers up to {largest:g} in the column {name}, which is in per "
                    "cent: they look like fractions. Give --percent-as fraction if 0.13 means 13 %, or --percent-as "
                    "per-cent if it means 0.13 %."
                )
            if stated.per_cent == "fraction":
                fractions.append(name)
    return Meaning(tuple(commas), tuple(points), tuple(fractions), *_identity(loans, first))


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


def _fraction(column: pa.Array, name: str, decimal_comma: bool) -> float | None:
    """Return the largest number of a column that looks like fractions."""
    if not is_number(column.type) and pc.any(pc.match_substring(column.cast(pa.string()), "%")).as_py():
        return None
    numbers, _ = values.numbers(column, KINDS[name], decimal_comma=decimal_comma)
    positive = numbers.filter(pc.greater(numbers, 0))
    largest = pc.max(positive).as_py()
    feature = KINDS[name].feature
    never = feature is not None and (feature.minimum or 0) > _LARGEST_FRACTION
    if largest is None or largest > _LARGEST_FRACTION or (len(positive) < _FEWEST and not never):
        return None
    return float(largest)


def _with_decimal_comma(
    path: Path, columns: dict[str, pa.Array], delimiter: str, decimal: Decimal | None
) -> tuple[list[str], list[str]]:
    """Return the columns with decimal commas, and those that only have points between thousands."""
    texts = {
        name: [_SPACE.sub("", text) for text in column.cast(pa.string()).unique().drop_null().to_pylist()]
        for name, column in columns.items()
        if not is_number(column.type)
    }
    with_comma = {name: [text for text in found if "," in text] for name, found in texts.items()}
    if decimal == "point":
        return [], []
    with_point = {name: [text for text in found if "." in text and "," not in text] for name, found in texts.items()}
    shown = {name for name, found in with_comma.items() if any(map(_HAS_DECIMAL_COMMA, found))}
    sure = [
        name
        for name, found in with_comma.items()
        if (decimal == "comma" and found)
        or (
            name in shown
            and not any(map(_HAS_THOUSANDS_COMMA, found))
            and all(map(_HAS_THOUSANDS_POINT, with_point[name]))
        )
    ]
    if decimal is None and (shown or delimiter != ","):
        for name, found in with_comma.items():
            if name in sure or any(map(_HAS_THOUSANDS_COMMA, found)):
                continue
            if unclear := next((text for text in found if _has_two_meanings(text, name)), None):
                raise LoanFileError(
                    f"{str(path)!r} has {unclear!r} in the column {name}, whose comma may be a decimal comma or a "
                    "thousands separator. Give --decimal comma or --decimal point."
                )
    # Where other columns have decimal commas, the points of 53.000 separate thousands.
    return sure, [
        name
        for name, found in with_point.items()
        if (sure or decimal) and found and not with_comma[name] and all(map(_HAS_THOUSANDS_POINT, found))
    ]


def _has_two_meanings(text: str, name: str) -> bool:
    """Return whether a text is a number with a decimal comma, and another one with commas between thousands."""
    readings = [values.number(text, KINDS[name], decimal_comma)[0] for decimal_comma in (False, True)]
    return None not in readings and readings[0] != readings[1]
