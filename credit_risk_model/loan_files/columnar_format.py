"""Parquet and Arrow files as batches of plain types, whatever program wrote them."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
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


class Batches:
    """An open file: the rows of each of its groups (row groups, or Arrow's record batches), and the groups as batches.

    Raises:
        LoanFileError: the file is damaged; so do the methods.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = columnar_format(path)
        self._stack = ExitStack()
        try:
            if self._name == "Parquet":
                state = path.stat()
                self._metadata = _metadata(path, state.st_size, state.st_mtime_ns)
                self._parquet = self._stack.enter_context(pq.ParquetFile(path, metadata=self._metadata))
                self.schema: pa.Schema = self._parquet.schema_arrow
                groups = range(self._metadata.num_row_groups)
                self.group_rows = [self._metadata.row_group(group).num_rows for group in groups]
            else:
                file = self._stack.enter_context(pa.memory_map(os.fspath(path)))
                self._arrow = self._stack.enter_context(pa.ipc.open_file(file))
                self.schema = self._arrow.schema
                groups = range(self._arrow.num_record_batches)
                self.group_rows = [self._arrow.get_batch(group).num_rows for group in groups]
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise self._damaged(error) from error

    def __enter__(self) -> "Batches":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def batches(self, group: int, size: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield batches of at most `size` rows, from the first row of a group to the end of the file."""
        try:
            if self._name == "Parquet":
                groups = list(range(group, len(self.group_rows)))
                for batch in self._parquet.iter_batches(size, row_groups=groups, columns=list(columns)):
                    yield batch.select(list(columns))
                return
            for number in range(group, len(self.group_rows)):
                batch = self._arrow.get_batch(number).select(list(columns))
                for start in range(0, batch.num_rows, size):
                    yield batch.slice(start, size)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def digest(self, group: int, columns: Sequence[str]) -> bytes:
        """Return the SHA-256 of what the file has for the columns in a group."""
        digest = hashlib.sha256()
        if self._name == "Arrow":
            for column in self._arrow.get_batch(group).select(list(columns)):
                for buffer in column.buffers():
                    digest.update(buffer or b"")
            return digest.digest()
        described = self._metadata.row_group(group)
        with self._path.open("rb") as file:
            for column in map(described.column, range(described.num_columns)):
                if column.path_in_schema in columns:
                    dictionary = column.dictionary_page_offset if column.has_dictionary_page else None
                    file.seek(min(dictionary or column.data_page_offset, column.data_page_offset))
                    digest.update(file.read(column.total_compressed_size))
        return digest.digest()

    def _damaged(self, error: Exception) -> LoanFileError:
        return LoanFileError(f"{str(self._path)!r} is a damaged {self._name} file: {error}.")


@lru_cache(maxsize=4)  # it can take a second, and a cluster opens the file for each chunk
def _metadata(path: Path, size: int, modified: int) -> Any:
    return pq.read_metadata(path)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that `plain` gives to values of a type."""
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    is_text = pa.types.is_string_view(kind) or pa.types.is_null(kind) or _is_binary(kind)
    return pa.string() if is_text else kind


def plain(column: pa.ChunkedArray) -> pa.Array:
    """Return a column of any writer as one array: dictionaries decoded, views and bytes as strings.

    Raises:
        ArrowInvalid: there are bytes that are not UTF-8.
    """
    arrays = [_plain_array(chunk) for chunk in column.chunks]
    return pa.concat_arrays(arrays) if arrays else pa.array([], plain_type(column.type))


def _plain_array(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):  # its indices may be unsigned, which few functions take
        array = array.dictionary.take(pc.cast(array.indices, pa.int64()))
    if pa.types.is_binary_view(array.type) or pa.types.is_fixed_size_binary(array.type):
        array = array.cast(pa.binary())
    kind = plain_type(array.type)
    return array if array.type == kind else array.cast(kind)


def _is_binary(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )
