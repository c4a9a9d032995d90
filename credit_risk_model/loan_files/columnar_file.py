"""Loans as Parquet or as an Arrow file: chunks of consecutive rows, across row groups."""

import hashlib
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa

from credit_risk_model.loan_files.chunk import Chunk, LoanFileError, Rows
from credit_risk_model.loan_files.columnar_format import opened, plain, plain_type
from credit_risk_model.loan_files.columns import Columns
from credit_risk_model.loan_files.kinds import EXPECTED, KINDS
from credit_risk_model.loan_files.loan_file import LoanFile


@dataclass(frozen=True)
class ColumnarLoans(LoanFile):
    """A Parquet or Arrow file; the line of a loan is its number, from 1."""

    format = "Parquet or Arrow"
    unit = "loan"

    @classmethod
    def open(
        cls, path: Path, namings: Sequence[Sequence[str]], chunk_rows: int, identity: str | None = None
    ) -> "ColumnarLoans":
        """Read the names and types of the columns.

        Raises:
            LoanFileError: a column is missing or of a type that it cannot have, or the file is damaged.
        """
        with opened(path) as file:
            schema, total = file.schema, sum(file.group_rows)
        columns = Columns.find(path, schema.names, namings, identity)
        id_type = pa.int64()
        for name, source in zip(columns.names, columns.sources, strict=True):
            kind = schema.field(source).type
            if name == columns.id:
                id_type = plain_type(kind)
                if pa.types.is_nested(kind):
                    raise LoanFileError(f"{str(path)!r} has the type {kind} in the id column {source}.")
            if name in KINDS and not KINDS[name].can_be(plain_type(kind)):
                expected = EXPECTED[KINDS[name].holds]
                raise LoanFileError(f"{str(path)!r} has the type {kind} in the column {source}, expected {expected}.")
        return cls(path, columns, tuple(schema.names), id_type, chunk_rows, total)

    def chunks(self) -> Generator[Chunk, None, None]:
        start = 0
        for number, values in enumerate(self._batches(start)):
            rows = values.num_rows
            yield Chunk(number, start, start + rows, start, rows, rows, _digest(values), values)
            start += rows

    def read(self, chunk: Chunk) -> Rows:
        values = chunk.content
        if values is None:
            with closing(self._batches(chunk.start)) as batches:
                values = next(batches, None)
            if values is None or _digest(values) != chunk.digest:
                raise LoanFileError(f"{str(self.path)!r} changed while it was read: run it again.")
        return Rows(values, pa.array(np.arange(chunk.start + 1, chunk.stop + 1)), [])

    def sent(self, chunk: Chunk, path: Path) -> tuple["ColumnarLoans", Chunk]:
        return self, replace(chunk, content=None)

    def _batches(self, start: int) -> Generator[pa.RecordBatch, None, None]:
        """Yield batches of `chunk_rows` rows from row `start` on, with the names of the code."""
        with opened(self.path) as file:
            ends = list(accumulate(file.group_rows))
            group = int(np.searchsorted(ends, start, "right"))
            skipped = start - (ends[group - 1] if group else 0)
            left: list[pa.RecordBatch] = []
            rows = 0
            for batch in file.read(group, self.chunk_rows, list(self.columns.sources)):
                left.append(batch.slice(skipped))
                skipped -= min(skipped, batch.num_rows)
                rows += left[-1].num_rows
                while rows >= self.chunk_rows:
                    table = pa.Table.from_batches(left)
                    yield self._named(table.slice(0, self.chunk_rows))
                    left = table.slice(self.chunk_rows).to_batches()
                    rows -= self.chunk_rows
            if rows:
                yield self._named(pa.Table.from_batches(left))

    def _named(self, table: pa.Table) -> pa.RecordBatch:
        arrays = []
        for source in self.columns.sources:
            try:
                arrays.append(pa.concat_arrays([plain(chunk) for chunk in table.column(source).chunks]))
            except pa.ArrowInvalid as error:
                raise LoanFileError(
                    f"{str(self.path)!r} has values in the column {source} that are not text: {error}."
                ) from error
        return pa.RecordBatch.from_arrays(arrays, list(self.columns.names))


def _digest(values: pa.RecordBatch) -> str:
    return hashlib.sha256(values.serialize()).hexdigest()
