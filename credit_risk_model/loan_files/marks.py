"""What the commas and points of a column of numbers mean: the comma of 12,345 is decimal, or separates thousands."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_model.loan_files import values
from credit_risk_model.loan_files.kinds import Kind, is_number

Decimal = Literal["comma", "point"]


class Mark(Enum):
    """What the marks of a number show, with an example; those of the last two can be read in both ways."""

    DECIMAL_POINT = "12.49"
    THOUSANDS_COMMA = "1,234,567"
    DECIMAL_COMMA = "12,49"
    THOUSANDS_POINT = "1.234.567"
    COMMA = "12,345"
    POINT = "12.345"


_POINT_IS_DECIMAL = {Mark.DECIMAL_POINT, Mark.THOUSANDS_COMMA}
_COMMA_IS_DECIMAL = {Mark.DECIMAL_COMMA, Mark.THOUSANDS_POINT}
_DECIDE = _POINT_IS_DECIMAL | _COMMA_IS_DECIMAL
WITH_COMMA = {Mark.DECIMAL_COMMA, Mark.THOUSANDS_COMMA, Mark.COMMA}


def marks(column: pa.Array, kind: Kind, characters: str = ",.") -> dict[Mark, str]:
    """Return what the texts that have one of the characters show, each with the first text that shows it."""
    if is_number(column.type):
        return {}
    column = column.cast(pa.string())
    texts = column.filter(pc.match_substring_regex(column, f"[{characters}]")).unique().to_pylist()
    shown: dict[Mark, str] = {}
    for text in texts:
        if Mark.DECIMAL_POINT in shown and "," not in text and text.count(".") == 1:
            continue  # it shows the same or nothing, and there are many
        if mark := _mark(text, kind):
            shown.setdefault(mark, text)
    return shown


def _mark(text: str, kind: Kind) -> Mark | None:
    with_point, with_comma = (values.number(text, kind, decimal_comma)[0] for decimal_comma in (False, True))
    if with_point == with_comma:
        return None
    if with_point is None:
        return Mark.DECIMAL_COMMA if "," in text else Mark.THOUSANDS_POINT
    if with_comma is None:
        return Mark.THOUSANDS_COMMA if "," in text else Mark.DECIMAL_POINT
    return Mark.COMMA if "," in text else Mark.POINT


@dataclass(frozen=True)
class Marks:
    """What the columns of a file show, and what the user states. `is_comma_separated` says how values are separated."""

    shown: Mapping[str, Collection[Mark]] = field(default_factory=dict)
    stated: Decimal | None = None
    is_comma_separated: bool = True

    def decimal_comma(self, name: str, later: Collection[Mark] = ()) -> bool | None:
        """Return whether a column has decimal commas, or None where it is open; `later` is what more rows show."""
        shown = {*self.shown.get(name, ()), *later}
        if self.stated == "point":
            return False
        if self.stated == "comma":
            return bool(shown & WITH_COMMA) or Mark.DECIMAL_POINT not in shown
        comma, point = bool(shown & _COMMA_IS_DECIMAL), bool(shown & _POINT_IS_DECIMAL)
        if comma != point:
            return comma
        if Mark.THOUSANDS_COMMA in shown:
            return False  # a number such as 12,49 is rejected there
        others = [each for each in self.shown.values() if _COMMA_IS_DECIMAL.intersection(each)]
        if Mark.COMMA in shown and (others or comma or not self.is_comma_separated):
            return None
        return not point and any(not _POINT_IS_DECIMAL.intersection(each) for each in others)

    def contradiction(self, name: str, column: pa.Array, kind: Kind) -> str | None:
        """Return a text of later rows whose comma may have another meaning than the first rows gave to the column."""
        if self.stated == "point":
            return None
        has_guess = any(Mark.COMMA in each and not (_DECIDE & {*each}) for each in self.shown.values())
        if self.stated is None and not has_guess and Mark.THOUSANDS_COMMA in self.shown.get(name, ()):
            return None
        later = marks(column, kind, ",")
        if self.stated is None:
            if Mark.COMMA in later and not WITH_COMMA.intersection(self.shown.get(name, ())):
                return later[Mark.COMMA]
            if has_guess and Mark.DECIMAL_COMMA in later:
                return later[Mark.DECIMAL_COMMA]
        if self.decimal_comma(name, later) in (self.decimal_comma(name), False):
            return None
        return later.get(Mark.DECIMAL_COMMA) or later.get(Mark.COMMA)
