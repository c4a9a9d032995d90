"""One file of loans, in any format."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import pyarrow as pa

from credit_risk_model.loan_files.chunk import Chunk, Rows
from credit_risk_model.loan_files.columns import Columns


@dataclass(frozen=True)
class LoanFile(ABC):
    """A file that is read in chunks of `chunk_rows` rows; `total` is the sum of the sizes of the chunks.

    All methods raise LoanFileError where the file is damaged or lacks a column.
    """

    path: Path
    columns: Columns
    header: tuple[str, ...]
    id_type: pa.DataType
    chunk_rows: int
    total: int
    format: ClassVar[str]
    unit: ClassVar[str]

    @property
    def forms(self) -> list[str]:
        """What differs from the usual form."""
        return self.columns.forms

    def with_columns(self, names: Sequence[str]) -> Self:
        """Return the same file with other columns to read."""
        return replace(self, columns=Columns.find(self.path, self.header, [names], self.columns.id))

    @abstractmethod
    def chunks(self) -> Generator[Chunk, None, None]:
        """Yield the chunks with their content."""

    @abstractmethod
    def read(self, chunk: Chunk) -> Rows:
        """Return the rows of a chunk; it is an error if they changed since the chunk was made."""

    @abstractmethod
    def sent(self, chunk: Chunk, path: Path) -> tuple[Self, Chunk]:
        """Return what another process reads the chunk with: its place, or the file `path`, written for it."""
