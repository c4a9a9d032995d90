"""A column of months: texts such as "Dec-2015", or dates, which Parquet files often have in their place."""

import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_model import months


def holds_months(kind: pa.DataType) -> bool:
    """Return whether a column of this type can hold months."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind) or _is_date(kind))


def numbers(column: pa.Array) -> pa.Array:
    """Return the months of `n` values as whole numbers, 12 for each year, null where a value is not a month."""
    if pa.types.is_dictionary(column.type):
        return numbers(column.dictionary).take(column.indices)
    if _is_date(column.type):
        return pc.cast(pc.add(pc.multiply(pc.year(column), 12), pc.subtract(pc.month(column), 1)), pa.int64())
    found = column.cast(pa.string()).dictionary_encode()
    return pa.array(map(months.number, found.dictionary.to_pylist()), pa.int64()).take(found.indices)


def _is_date(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))
