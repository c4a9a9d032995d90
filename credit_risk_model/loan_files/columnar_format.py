"""Parquet and Arrow files as batches of plain types, whatever program wrote them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_risk_model.loan_files.chunk import LoanFileError

_MAGIC = {b"PAR1": "Parquet", b"ARROW1": "Arrow"}


def columnar_format(path: Path) -> str | None:
    """Return `Parquet` or `Arrow` where the first bytes show it."""
    with path.open("rb") as file:
        start = file.read(6)
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


@dataclass(frozen=True)
class Batches:
    """An open file: its schema, and the rows of each of its groups (row groups, or Arrow's record batches).

    `read(group, size, columns)` yields batches of at most `size` rows, from the first row of a group to the end.
    """

    schema: pa.Schema
    group_rows: list[int]
    read: Callable[[int, int, list[str]], Iterator[pa.RecordBatch]]


@contextmanager
def opened(path: Path) -> Iterator[Batches]:
    """Yield the open file.

    Raises:
        LoanFileError: the file is damaged.
    """
    name = columnar_format(path)
    try:
        with _parquet(path) if name == "Parquet" else _arrow(path) as batches:
            yield batches
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise LoanFileError(f"{str(path)!r} is a damaged {name} file: {str(error).rstrip('.')}.") from error


@contextmanager
def _parquet(path: Path) -> Iterator[Batches]:
    state = path.stat()
    metadata = _metadata(path, state.st_size, state.st_mtime_ns)
    rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    with pq.ParquetFile(path, metadata=metadata) as file:

        def read(group: int, size: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
            for batch in file.iter_batches(size, row_groups=range(group, len(rows)), columns=columns):
                yield batch.select(columns)

        yield Batches(file.schema_arrow, rows, read)


@lru_cache(maxsize=4)  # it can take a second, and a cluster opens the file for each chunk
def _metadata(path: Path, size: int, modified: int) -> Any:
    return pq.read_metadata(path)


@contextmanager
def _arrow(path: Path) -> Iterator[Batches]:
    with pa.memory_map(os.fspath(path)) as source, pa.ipc.open_file(source) as file:
        rows = [file.get_batch(group).num_rows for group in range(file.num_record_batches)]

        def read(group: int, size: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
            for number in range(group, len(rows)):
                batch = file.get_batch(number).select(columns)
                for start in range(0, batch.num_rows, size):
                    yield batch.slice(start, size)

        yield Batches(file.schema, rows, read)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that `plain` gives to values of a type."""
    types = pa.types
    if types.is_dictionary(kind):
        return plain_type(kind.value_type)
    is_binary = types.is_large_binary(kind) or types.is_binary(kind) or _is_binary_view(kind)
    is_text = types.is_string_view(kind) or types.is_null(kind) or isinstance(kind, pa.BaseExtensionType)
    return pa.string() if is_binary or is_text else kind


def plain(array: pa.Array) -> pa.Array:
    """Return values of any writer: dictionaries decoded; views, bytes, and types such as a UUID as strings.

    Raises:
        ArrowInvalid: there are bytes that are not UTF-8.
    """
    if pa.types.is_dictionary(array.type):  # its indices may be unsigned, which few functions take
        return plain(array.dictionary).take(pc.cast(array.indices, pa.int64()))
    if isinstance(array.type, pa.BaseExtensionType):
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    if _is_binary_view(array.type):
        array = array.cast(pa.binary())
    kind = plain_type(array.type)
    return array if array.type == kind else array.cast(kind)


def _is_binary_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind))
