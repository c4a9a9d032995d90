"""Loans as Parquet: slices of its row groups."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from credit_risk_model.feature_set import Feature
from credit_risk_model.scoring.loans import Columns, Part, Rows, ScoringError
from credit_risk_model.scoring.month_column import holds_months
from credit_risk_model.scoring.rows import is_month_of_issue


@dataclass
class ParquetLoans:
    """A Parquet file; the line of a row is its number, from 1."""

    path: Path
    columns: Columns
    id_type: pa.DataType
    part_rows: int
    total: int
    unit: str = "loan"
    # Where the reading stands: the row group, the row in it, and the parts from there on.
    _at: tuple[int, int, Iterator[pa.RecordBatch]] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Leave the open file behind: another process opens its own."""
        return vars(self) | {"_at": None}

    @classmethod
    def open(cls, path: Path, identity: str | None, part_rows: int, on_book: bool = False) -> "ParquetLoans":
        """Read the names and types of the columns.

        Raises:
            ScoringError: a column is missing or of a type that it cannot have, or the file is no Parquet.
        """
        try:
            file = pq.ParquetFile(path)
        except pa.ArrowException as error:
            raise ScoringError(f"{str(path)!r} is no intact Parquet file: {error}.") from error
        with file:
            schema = file.schema_arrow
            columns = Columns.find(path, schema.names, identity, on_book)
            for feature, name in zip(columns.inputs.features, columns.features, strict=True):
                kind = schema.field(name).type
                expected, can_hold = _expected(name, feature)
                if not can_hold(kind):
                    raise ScoringError(f"{str(path)!r} has the type {kind} in the column {name}, expected {expected}.")
            kind = schema.field(columns.id).type if columns.id else pa.int64()
            if pa.types.is_nested(kind):
                raise ScoringError(f"{str(path)!r} has the type {kind} in the column {columns.id}, which is no id.")
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            return cls(path, columns, kind, part_rows, file.metadata.num_rows)

    def parts(self) -> Iterator[Part]:
        """Yield the parts."""
        number, line = 0, 0
        metadata = pq.read_metadata(self.path)
        for group in range(metadata.num_row_groups):
            of_group = metadata.row_group(group).num_rows
            for start in range(0, of_group, self.part_rows):
                count = min(self.part_rows, of_group - start)
                yield Part(number, start, start + count, line, count, count, group)
                number, line = number + 1, line + count

    def read(self, part: Part) -> Rows:
        """Return the rows of a part; those of the next part are at hand if it is asked for next."""
        if self._at is not None and self._at[:2] == (part.group, part.start):
            slices = self._at[2]
        else:
            slices = _slices(self.path, self.columns.wanted, self.part_rows, part.group, part.start)
        try:
            values = next(slices)
        except pa.ArrowException as error:
            raise ScoringError(f"{str(self.path)!r} is a damaged Parquet file: {error}.") from error
        self._at = (part.group, part.stop, slices)
        return Rows(values, pa.array(np.arange(part.line + 1, part.line + part.rows + 1)), [])


# Not a method: `_at` holds the generator, and a generator that held the loans would be a cycle, freed late or never.
def _slices(path: Path, wanted: list[str], part_rows: int, group: int, start: int) -> Iterator[pa.RecordBatch]:
    """Yield the parts of a row group from row `start` on."""
    with pq.ParquetFile(path) as file:
        held = pa.Table.from_batches([], pa.schema([file.schema_arrow.field(name) for name in wanted]))
        for batch in file.iter_batches(part_rows, row_groups=[group], columns=wanted):
            skipped = min(start, batch.num_rows)
            start -= skipped
            added = batch.select(wanted).slice(skipped)
            held = pa.concat_tables([held, pa.Table.from_batches([added])])
            while held.num_rows >= part_rows:
                yield _batch(held.slice(0, part_rows))
                held = held.slice(part_rows)
        if held.num_rows:
            yield _batch(held)


def _batch(table: pa.Table) -> pa.RecordBatch:
    [batch] = table.combine_chunks().to_batches()
    return batch


def _expected(name: str, feature: Feature) -> tuple[str, Callable[[pa.DataType], bool]]:
    """Return what the column of a feature holds in words, and whether a type can hold it."""
    if feature.categories:
        return "texts", _holds_texts
    if is_month_of_issue(name, feature):
        return "months: texts such as 'Dec-2015', or dates", holds_months
    return "numbers", lambda kind: _holds_texts(kind) or _holds_numbers(kind)


def _holds_numbers(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _holds_texts(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))
