"""Loans as Parquet or as an Arrow file: chunks of consecutive rows, across row groups."""

import hashlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa

from credit_risk_model.loan_files.chunk import Chunk, LoanFileError, Rows
from credit_risk_model.loan_files.columnar_format import Batches, plain, plain_type
from credit_risk_model.loan_files.columns import Columns
from credit_risk_model.loan_files.kinds import KINDS


@dataclass
class ColumnarLoans:
    """A Parquet or Arrow file; the line of a loan is its number, from 1."""

    path: Path
    columns: Columns
    header: tuple[str, ...]
    id_type: pa.DataType
    chunk_rows: int
    total: int
    unit: str = "loan"
    # The row that is read next, and the batches from there on.
    _next: tuple[int, Iterator[pa.RecordBatch]] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Leave out the open file: another process opens its own."""
        return vars(self) | {"_next": None}

    @classmethod
    def open(
        cls, path: Path, namings: Sequence[Sequence[str]], chunk_rows: int, identity: str | None = None
    ) -> "ColumnarLoans":
        """Read the names and types of the columns.

        Raises:
            LoanFileError: a column is missing or of a type that it cannot have, or the file is damaged.
        """
        with Batches(path) as file:
            schema = file.schema
            columns = Columns.find(path, schema.names, namings, identity)
            for name, source in zip(columns.names, columns.sources, strict=True):
                kind = schema.field(source).type
                if name == columns.id and pa.types.is_nested(kind):
                    raise LoanFileError(f"{str(path)!r} has the type {kind} in the id column {source}.")
                if name in KINDS and not KINDS[name].can_be(plain_type(kind)):
                    expected = KINDS[name].words
                    raise LoanFileError(
                        f"{str(path)!r} has the type {kind} in the column {source}, expected {expected}."
                    )
            kind = plain_type(schema.field(_source(columns, columns.id)).type) if columns.id else pa.int64()
            return cls(path, columns, tuple(schema.names), kind, chunk_rows, sum(file.group_rows))

    @property
    def forms(self) -> list[str]:
        """What differs from the usual names."""
        return self.columns.forms

    def with_columns(self, names: Sequence[str]) -> "ColumnarLoans":
        """Return the same file with other columns to read.

        Raises:
            LoanFileError: one is missing.
        """
        return replace(self, columns=self.columns.select(self.path, self.header, names), _next=None)

    def chunks(self) -> Generator[Chunk, None, None]:
        """Yield the chunks."""
        with Batches(self.path) as file:
            ends = list(accumulate(file.group_rows))
            digests: dict[int, bytes] = {}
            for number, start in enumerate(range(0, self.total, self.chunk_rows)):
                stop = min(start + self.chunk_rows, self.total)
                groups = range(np.searchsorted(ends, start, "right"), np.searchsorted(ends, stop) + 1)
                digests = {
                    group: digests.get(group) or file.digest(group, self.columns.sources)
                    for group in groups
                }  # fmt: skip
                digest = hashlib.sha256(b"".join(digests.values())).hexdigest()
                yield Chunk(number, start, stop, start, stop - start, stop - start, digest)

    def read(self, chunk: Chunk) -> Rows:
        """Return the rows of a chunk; the file stays open for the next one.

        Raises:
            LoanFileError: the file is damaged.
        """
        if self._next is not None and self._next[0] == chunk.start:
            slices = self._next[1]
        else:
            slices = _slices(self.path, self.columns, self.chunk_rows, chunk.start)
        values = next(slices)
        self._next = (chunk.stop, slices)
        return Rows(values, pa.array(np.arange(chunk.line + 1, chunk.line + chunk.rows + 1)), [])

    def sent(self, chunk: Chunk, path: Path) -> tuple["ColumnarLoans", Chunk]:
        """Return what another process reads the chunk with."""
        return self, chunk


def _source(columns: Columns, name: str | None) -> str:
    return columns.sources[columns.names.index(name or "")]


# Not a method: `_next` has the generator, and a generator with a reference to the loans would be a cycle, freed late.
def _slices(path: Path, columns: Columns, chunk_rows: int, start: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of `chunk_rows` rows from row `start` on, with the names of the code."""
    with Batches(path) as file:
        ends = list(accumulate(file.group_rows))
        group = int(np.searchsorted(ends, start, "right"))
        skipped = start - (ends[group - 1] if group else 0)
        left: list[pa.RecordBatch] = []
        rows = 0
        for batch in file.batches(group, chunk_rows, columns.sources):
            dropped = min(skipped, batch.num_rows)
            skipped -= dropped
            left.append(batch.slice(dropped))
            rows += batch.num_rows - dropped
            while rows >= chunk_rows:
                table = pa.Table.from_batches(left)
                yield _batch(path, table.slice(0, chunk_rows), columns)
                left = table.slice(chunk_rows).to_batches()
                rows -= chunk_rows
        if rows:
            yield _batch(path, pa.Table.from_batches(left), columns)


def _batch(path: Path, table: pa.Table, columns: Columns) -> pa.RecordBatch:
    arrays = []
    for source in columns.sources:
        try:
            arrays.append(plain(table.column(source)))
        except pa.ArrowInvalid as error:
            raise LoanFileError(
                f"{str(path)!r} has values in the column {source} that are not text: {error}."
            ) from error
    return pa.RecordBatch.from_arrays(arrays, list(columns.names))
