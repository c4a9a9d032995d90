"""What each column contains, by the names of the lender's files and by those of a request."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from credit_risk_model import lending_club
from credit_risk_model.feature_set import Feature
from credit_risk_model.features import FEATURES, ON_BOOK
from credit_risk_model.lending_club_book import MONTHS_SINCE_ISSUE

EXPECTED = {
    "number": "numbers",
    "category": "texts",
    "month": "months: texts such as 'Dec-2015', or dates",
    "text": "texts or numbers",
}


@dataclass(frozen=True)
class Kind:
    """What a column contains: numbers (perhaps in per cent), the categories of a feature, months, or other texts."""

    holds: Literal["number", "category", "month", "text"]
    feature: Feature | None = None
    is_per_cent: bool = False

    @property
    def is_counted(self) -> bool:
        """Whether the categories are numbers of months or years."""
        return self.feature is not None and self.feature.column in lending_club.COUNTED

    def can_be(self, kind: pa.DataType) -> bool:
        """Return whether a column of this type can hold it."""
        if is_text(kind):
            return True
        if self.holds == "month":
            return is_date(kind)
        return is_number(kind) and (self.holds in ("number", "text") or self.is_counted)


def is_number(kind: pa.DataType) -> bool:
    """Return whether values of this type are numbers; false is 0, and true is 1."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind))


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of this type are texts, as `columnar_format.plain` leaves them."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_date(kind: pa.DataType) -> bool:
    """Return whether values of this type are dates or times."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _of(feature: Feature) -> Kind:
    return Kind("category" if feature.categories else "number", feature, feature.column in lending_club.PER_CENT)


KINDS = (
    {name: _of(feature) for feature in FEATURES for name in (feature.field, feature.column)}
    | ({MONTHS_SINCE_ISSUE.field: _of(MONTHS_SINCE_ISSUE)} if ON_BOOK else {})
    | {name: Kind("number") for name in lending_club.NUMBERS}
    | {name: Kind("month") for name in lending_club.MONTHS}
    | {lending_club.STATUS: Kind("text")}
)
