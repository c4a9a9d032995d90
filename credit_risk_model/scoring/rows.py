"""Which rows can be scored, and what is wrong with the others; the ranges are those of a request."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from credit_risk_model import months
from credit_risk_model.feature_set import Feature, FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.lending_club import NOT_TRAINED_ON
from credit_risk_model.lending_club_book import MONTHS_SINCE_ISSUE
from credit_risk_model.loan_files import values
from credit_risk_model.loan_files.chunk import Rows
from credit_risk_model.loan_files.kinds import KINDS, is_text
from credit_risk_model.loan_files.survey import Meaning


@dataclass(frozen=True)
class Inputs:
    """How columns become the inputs of a model: `columns` in the order of the features, and what their values mean.

    `as_of` is the month, as a number, to which the age is counted where the file has the month of issue.
    """

    columns: tuple[str, ...]
    on_book: bool = False
    as_of: int | None = None
    meaning: Meaning = field(default_factory=Meaning)

    @property
    def features(self) -> FeatureSet:
        return ON_BOOK if self.on_book else LOAN

    def counts_age(self, feature: Feature) -> bool:
        """Return whether the column of this feature has the month of issue in place of the age."""
        return feature is MONTHS_SINCE_ISSUE and self.as_of is not None


class Reject(NamedTuple):
    """A row that cannot be scored: its line, its id where it is known, the reason, and the reason without values."""

    line: int
    id: Any
    reason: str
    group: str


@dataclass(frozen=True)
class Encoded:
    """The `n` rows of a chunk that can be scored, as a matrix of shape (n, features), and all others by line.

    `forms` counts the rows in which an accepted form was read, by column and form.
    """

    matrix: NDArray[np.float64]
    ids: pa.Array
    rejects: list[Reject]
    forms: dict[str, int]


def encode(rows: Rows, inputs: Inputs) -> Encoded:
    """Read the values, and check them against the categories and ranges of a request."""
    features = inputs.features.features
    arrays: list[pa.Array] = []
    forms: dict[str, int] = {}
    for name, feature in zip(inputs.columns, features, strict=True):
        array, used = _input(rows.values.column(name), name, feature, inputs)
        arrays.append(array)
        forms |= values.named(name, used)
    matrix = inputs.features.encode_batch(pa.RecordBatch.from_arrays(arrays, inputs.features.fields))
    lowest = np.array([0 if feature.categories else feature.minimum for feature in features], float)
    highest = np.array([len(feature.categories) - 1 if feature.categories else feature.maximum for feature in features])
    good = (matrix >= lowest) & (matrix <= highest)  # false for nan
    scorable = good.all(axis=1)
    ids, missing = _ids(rows, inputs.meaning.id)
    if missing:
        forms[f"{inputs.meaning.id}: missing"] = missing
    rejects = _rejects(rows, ids, arrays, good, inputs)
    rejects += [Reject(line, None, reason, reason.partition(":")[0]) for line, reason in rows.damaged]
    scored = np.ascontiguousarray(matrix.T[:, scorable].T)  # much faster than taking row by row
    return Encoded(scored, ids.filter(pa.array(scorable)), sorted(rejects, key=lambda reject: reject.line), forms)


def _input(column: pa.Array, name: str, feature: Feature, inputs: Inputs) -> tuple[pa.Array, values.Forms]:
    if inputs.counts_age(feature):
        numbers, forms = values.month_numbers(column)
        return pc.subtract(inputs.as_of, numbers).cast(pa.float64()), forms
    if feature.categories:
        return values.categories(column, KINDS[name])
    return inputs.meaning.numbers(name, column)


def _ids(rows: Rows, name: str | None) -> tuple[pa.Array, int]:
    """Return the ids, and how many are missing or blank; if ids are texts, such a one becomes one like `line 12`."""
    where = [f"{rows.file}:{line}" for line in rows.lines.to_pylist()] if rows.file else None
    if name is None:
        return (pa.array(where, pa.string()) if where else rows.lines), 0
    ids = values.without_blanks(rows.values.column(name))
    if ids.null_count and is_text(ids.type):
        lines = where or [f"line {line}" for line in rows.lines.to_pylist()]
        return pc.coalesce(ids, pa.array(lines, ids.type)), ids.null_count
    return ids, ids.null_count


def _rejects(
    rows: Rows, ids: pa.Array, arrays: list[pa.Array], good: NDArray[np.bool_], inputs: Inputs
) -> list[Reject]:
    positions = np.flatnonzero(~good.all(axis=1))
    taken = pa.array(positions)
    given = rows.values.take(taken).to_pylist()
    missing = [array.take(taken).is_null().to_pylist() for array in arrays]
    lines, named = rows.lines.take(taken).to_pylist(), ids.take(taken).cast(pa.string()).to_pylist()
    rejects = []
    for number, loan in enumerate(given):
        reasons, groups = [], []
        for position in np.flatnonzero(~good[positions[number]]):
            name, feature = inputs.columns[position], inputs.features.features[position]
            value = loan[name]
            if value is None or (feature.categories and missing[position][number]):
                reasons.append(f"{name} is missing")
                groups.append(f"{name} is missing")
            else:
                expected = _expected(feature, str(value), inputs.as_of)
                reasons.append(f"{name} is {str(value)[:60]!r}, expected {expected}")
                groups.append(f"{name} is not {expected}")
        rejects.append(Reject(lines[number], named[number], "; ".join(reasons), "; ".join(groups)))
    return rejects


def _expected(feature: Feature, value: str, as_of: int | None) -> str:
    if feature.categories:
        known = f"one of {', '.join(map(repr, feature.categories))}"
        is_rare = value.strip().upper() in NOT_TRAINED_ON.get(feature.column, ())
        return f"{known}; no model was trained on such loans" if is_rare else known
    lowest, highest = feature.minimum or 0, feature.maximum or 0
    if as_of is not None and feature is MONTHS_SINCE_ISSUE:
        return f"a month from {months.text(as_of - int(highest))} to {months.text(as_of - int(lowest))}"
    return f"a number from {lowest:,.10g} to {highest:,.10g}"
