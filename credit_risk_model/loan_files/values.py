"""The accepted ways to write numbers, categories and months, and which of them were met."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_model import months
from credit_risk_model.lending_club import COUNTED
from credit_risk_model.loan_files.kinds import Kind, is_date, is_number, is_text

DECIMAL_COMMA, THOUSANDS_POINT = "decimal commas read", "points read as thousands separators"
FRACTION = "fractions multiplied by 100"
PER_CENT = "per cent signs removed"
_DOLLAR, _THOUSANDS = "dollar signs removed", "thousands separators removed"
_SPELLING, _MONTH = "categories recognised in another spelling", "months recognised in another spelling"

Forms = Counter[str]

# A number has one separator between all its thousands, and does not start with 0 then.
_POINT = r"[1-9]\d{0,2}(?P<mark>[, '\u00a0\u2019\u202f])\d{3}(?:(?P=mark)\d{3})*(?:\.\d*)?|\d+\.?\d*|\.\d+"
_COMMA = r"[1-9]\d{0,2}(?P<mark>[. '\u00a0\u2019\u202f])\d{3}(?:(?P=mark)\d{3})*(?:,\d*)?|\d+,?\d*|,\d+"
_NOT_DIGITS = re.compile(r"\D")
_NUMBER, _NUMBER_WITH_COMMA = (
    re.compile(rf"\s*(\$?)\s*([+-]?)(\$?)({digits})((?:[eE][+-]?\d+)?)\s*(%?)\s*", re.ASCII).fullmatch
    for digits in (_POINT, _COMMA)
)
_TIME = r"(?:[01]?\d|2[0-3])(?::[0-5]\d){1,2}(?:\.\d+)? ?(?:Z|UTC|[+-]\d\d(?::?[0-5]\d)?)?"
_ISO_MONTH = re.compile(rf"(\d{{4}})-(\d\d)(?:-(\d\d)(?:[T ]{_TIME})?)?", re.ASCII).fullmatch
_MISSING = ("", "n/a", "#n/a", "na", "nan", "null", "none")


def numbers(column: pa.Array, kind: Kind, decimal_comma: bool = False) -> tuple[pa.Array, Forms]:
    """Return a column of `n` numbers or texts as float64, null where a text is not a number, and the forms met."""
    if is_number(column.type):
        return _exact(column), Counter()
    column = column.cast(pa.string())
    if not decimal_comma:
        try:
            return column.cast(pa.float64()), Counter()
        except pa.ArrowInvalid:
            pass  # not all are plain numbers
    return _each(column, lambda text: number(text, kind, decimal_comma), pa.float64())


def multiplied_by_100(fractions: pa.Array, forms: Forms) -> tuple[pa.Array, Forms]:
    """Return fractions in per cent, and the forms with this one."""
    # Rounded, because 0.1312 * 100 is not the number that 13.12 is.
    per_cent = pa.array(np.round(fractions.to_numpy(zero_copy_only=False) * 100, 10), from_pandas=True)
    return per_cent, forms + Counter({FRACTION: len(per_cent) - per_cent.null_count})


def _exact(column: pa.Array) -> pa.Array:
    """Return a column of numbers as float64: the nearest ones, which the cast of a decimal misses."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    return (column.cast(pa.string()) if pa.types.is_decimal(column.type) else column).cast(pa.float64(), safe=False)


def number(text: str, kind: Kind, decimal_comma: bool = False) -> tuple[float | None, list[str]]:
    """Return the number that a text is, or None, and the forms that it uses."""
    match = (_NUMBER_WITH_COMMA if decimal_comma else _NUMBER)(text)
    if match is None:
        return None, []
    dollar, sign, late_dollar, digits, _, exponent, per_cent = match.groups()
    if (per_cent and not kind.is_per_cent) or (dollar and late_dollar) or ((dollar or late_dollar) and per_cent):
        return None, []
    whole, mark, decimals = digits.partition("," if decimal_comma else ".")
    plain = _NOT_DIGITS.sub("", whole)
    used = {_THOUSANDS: plain != whole, DECIMAL_COMMA: bool(decimal_comma and mark)}
    used |= {PER_CENT: bool(per_cent), _DOLLAR: bool(dollar or late_dollar)}
    return float(f"{sign}{plain}.{decimals}{exponent}"), [form for form, is_used in used.items() if is_used]


def categories(column: pa.Array, kind: Kind) -> tuple[pa.Array, Forms]:
    """Return a column of `n` texts with the categories spelled as the model has them, and the forms met.

    A text that is not a category stays as it is; one that says that the value is missing becomes null.
    """
    assert kind.feature is not None and kind.feature.categories is not None  # noqa: S101, PT018  # for the type checker
    counted = COUNTED.get(kind.feature.column)
    known = set(kind.feature.categories)
    spelled = {_folded(category): category for category in known}
    column = (_exact(column) if is_number(column.type) else column).cast(pa.string())

    def read(text: str) -> tuple[str | None, list[str]]:
        if text in known:
            return text, []
        folded = _folded(text)
        category = spelled.get(folded) or (counted(folded) if counted else None)
        if category in known:
            return category, [_SPELLING]
        # NONE is an answer of a borrower about the home.
        return (None if is_missing(text) and (folded != "none" or counted) else text), []

    return _each(column, read, pa.string())


def month_numbers(column: pa.Array) -> tuple[pa.Array, Forms]:
    """Return a column of months as whole numbers, 12 for each year, null where a value is not a month, and the forms.

    A month is a text such as "Dec-2015" or "2015-12-01", or a date. "Dec-15" can be a day, so it is not a month.
    Neither is a date that stands for a missing one: nothing was paid or issued in the future or before 1970.
    """
    if is_date(column.type):
        numbers = pc.add(pc.multiply(pc.year(column), 12), pc.subtract(pc.month(column), 1)).cast(pa.int64())
        forms: Forms = Counter()
    else:
        numbers, forms = _each(column.cast(pa.string()), _month_number, pa.int64())
    today = date.today()  # a day more or less in another zone does not matter
    is_possible = pc.and_(pc.greater(numbers, _FIRST_DATE), pc.less_equal(numbers, today.year * 12 + today.month - 1))
    return pc.if_else(is_possible, numbers, None), forms


_FIRST_DATE = 1970 * 12  # January 1970 is where computers start to count: it is the date of a zero


def _month_number(text: str) -> tuple[int | None, list[str]]:
    if (number := months.number(text)) is not None:
        return number, []
    if match := _ISO_MONTH(text.strip()):
        try:
            day = date(int(match[1]), int(match[2]), int(match[3] or 1))
        except ValueError:
            return None, []
        return day.year * 12 + day.month - 1, [_MONTH]
    number = months.number(text.title())
    return number, [] if number is None else [_MONTH]


def without_blanks(column: pa.Array) -> pa.Array:
    """Return a column of any type with null in place of texts that are empty or blank."""
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column) if is_text(column.type) else column


def is_missing(text: str) -> bool:
    """Return whether a text means a missing value."""
    return text.strip().casefold() in _MISSING


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").split())


def _each(column: pa.Array, read: Callable[[str], tuple[Any, list[str]]], kind: pa.DataType) -> tuple[pa.Array, Forms]:
    """Read each different text once."""
    encoded = column.dictionary_encode()
    results = [read(text) for text in encoded.dictionary.to_pylist()]
    forms: Forms = Counter()
    if any(used for _, used in results):
        rows = {entry["values"]: entry["counts"] for entry in pc.value_counts(encoded.indices).to_pylist()}
        for index, (_, used) in enumerate(results):
            forms.update(dict.fromkeys(used, rows.get(index, 0)))
    return pa.array([value for value, _ in results], kind).take(encoded.indices), forms


def named(column: str, forms: Mapping[str, int]) -> dict[str, int]:
    """Return the forms with the name of their column."""
    return {f"{column}: {form}": rows for form, rows in forms.items() if rows}
