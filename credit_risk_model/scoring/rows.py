"""Which rows can be scored, and what is wrong with the others; the ranges are those of a request."""

import re
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from credit_risk_model import months
from credit_risk_model.feature_set import Feature
from credit_risk_model.features import MONTHS_SINCE_ISSUE
from credit_risk_model.scoring import month_column
from credit_risk_model.scoring.loans import Columns, Rows

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII).fullmatch


Reject = tuple[int, Any, str]  # the line, the id where it could be read, and the reason


def encode(rows: Rows, columns: Columns) -> tuple[NDArray[np.float64], pa.Array, list[Reject]]:
    """Return the `n` rows that can be scored as a matrix of shape (n, features), their ids, and all others by line."""
    features = columns.inputs.features
    arrays = [
        _texts(rows.values.column(name))
        if feature.categories
        else _ages(rows.values.column(name), columns.as_of)
        if is_month_of_issue(name, feature)
        else _numbers(rows.values.column(name))
        for name, feature in zip(columns.features, features, strict=True)
    ]
    matrix = columns.inputs.encode_batch(pa.RecordBatch.from_arrays(arrays, columns.inputs.fields))
    lowest = np.array([0 if feature.categories else feature.minimum for feature in features], float)
    highest = np.array([len(feature.categories) - 1 if feature.categories else feature.maximum for feature in features])
    good = (matrix >= lowest) & (matrix <= highest)  # false for nan
    scorable = good.all(axis=1)
    refused = np.flatnonzero(~scorable)
    given = rows.values.take(pa.array(refused)).to_pylist()
    ids = rows.lines if columns.id is None else rows.values.column(columns.id)
    rejects = zip(
        rows.lines.take(pa.array(refused)).to_pylist(),
        ids.take(pa.array(refused)).to_pylist(),
        (_reason(loan, row, columns) for loan, row in zip(given, good[refused], strict=True)),
        strict=True,
    )
    damaged = ((line, None, reason) for line, reason in rows.damaged)
    scored = np.ascontiguousarray(matrix.T[:, scorable].T)  # much faster than taking row by row
    return scored, ids.filter(pa.array(scorable)), sorted([*rejects, *damaged], key=itemgetter(0))


def _texts(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if pa.types.is_null(column.type) else column


def is_month_of_issue(name: str, feature: Feature) -> bool:
    """Return whether the column has the month of issue in place of the age."""
    return feature is MONTHS_SINCE_ISSUE and name == feature.column


def _ages(column: pa.Array, as_of: int | None) -> pa.Array:
    if as_of is None:
        raise ValueError("an age is counted to a month, and none is given")
    return pc.subtract(float(as_of), month_column.numbers(column).cast(pa.float64()))


def _expected(name: str, feature: Feature, as_of: int | None) -> str:
    if feature.categories:
        return f"one of {', '.join(map(repr, feature.categories))}"
    lowest, highest = feature.minimum or 0, feature.maximum or 0
    if as_of is not None and is_month_of_issue(name, feature):
        return f"a month from {months.text(as_of - int(highest))} to {months.text(as_of - int(lowest))}"
    return f"a number from {lowest:,.10g} to {highest:,.10g}"


def _numbers(column: pa.Array) -> pa.Array:
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return column.cast(pa.float64(), safe=False)
    try:
        return column.cast(pa.string()).cast(pa.float64())
    except pa.ArrowInvalid:  # one by one, then
        return pa.array([_number(text) for text in column.to_pylist()], pa.float64())


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and _NUMBER(text := text.strip()) else None


def _reason(loan: dict[str, Any], good: NDArray[np.bool_], columns: Columns) -> str:
    wrong = []
    for position in np.flatnonzero(~good):
        name = columns.features[position]
        expected = _expected(name, columns.inputs.features[position], columns.as_of)
        found = "missing" if loan[name] is None else f"{str(loan[name])[:60]!r}, expected {expected}"
        wrong.append(f"{name} is {found}")
    return "; ".join(wrong)
