"""Loans in several files of one schema, read one after the other."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pyarrow as pa

from credit_risk_model.loan_files.chunk import Chunk, LoanFileError, Rows
from credit_risk_model.loan_files.columnar_file import ColumnarLoans
from credit_risk_model.loan_files.columns import Columns
from credit_risk_model.loan_files.csv_file import CsvLoans


@dataclass(frozen=True)
class SeveralFiles:
    """The files of a folder or a pattern, in the order of their names; `path` is the folder or the pattern."""

    path: Path
    files: tuple[CsvLoans | ColumnarLoans, ...]

    @classmethod
    def of(cls, path: Path, files: Sequence[CsvLoans | ColumnarLoans]) -> "SeveralFiles":
        """Check that the files have one schema.

        Raises:
            LoanFileError: one differs from the first: in its format, the names of its columns, or the type of its id.
        """
        first = files[0]
        for file in files:
            for what, ours, theirs in (
                ("format", first.unit, file.unit),
                ("columns", first.columns.names, file.columns.names),
                ("type of the id", first.id_type, file.id_type),
            ):
                if ours != theirs:
                    raise LoanFileError(
                        f"{str(file.path)!r} differs from {str(first.path)!r} in its {what}: {theirs}, not {ours}. "
                        "Score them one by one."
                    )
        return cls(path, tuple(files))

    @property
    def columns(self) -> Columns:
        """The columns of all files."""
        return self.files[0].columns

    @property
    def id_type(self) -> pa.DataType:
        """The type of the ids."""
        return self.files[0].id_type

    @property
    def total(self) -> int:
        """The sum of the sizes of the files, in their unit."""
        return sum(file.total for file in self.files)

    @property
    def unit(self) -> str:
        """The unit of sizes."""
        return self.files[0].unit

    @property
    def forms(self) -> list[str]:
        """What differs from the usual form in one of the files."""
        return list(dict.fromkeys(form for file in self.files for form in file.forms))

    def with_columns(self, names: Sequence[str]) -> "SeveralFiles":
        """Return the same files with other columns to read.

        Raises:
            LoanFileError: one is missing.
        """
        return replace(self, files=tuple(file.with_columns(names) for file in self.files))

    def chunks(self) -> Generator[Chunk, None, None]:
        """Yield the chunks of all files; none has rows of two files."""
        numbers = count()
        for position, file in enumerate(self.files):
            for chunk in file.chunks():
                yield replace(chunk, number=next(numbers), file=position)

    def read(self, chunk: Chunk) -> Rows:
        """Return the rows of a chunk, with the name of their file.

        Raises:
            LoanFileError: the file is damaged or changed.
        """
        return replace(self.files[chunk.file].read(chunk), file=self.name(chunk.file))

    def name(self, file: int) -> str:
        """Return the path of a file within the folder, or its name."""
        path = self.files[file].path
        return str(path.relative_to(self.path)) if path.is_relative_to(self.path) else path.name

    def sent(self, chunk: Chunk, path: Path) -> tuple["SeveralFiles", Chunk]:
        """Return what another process reads the chunk with."""
        file, there = self.files[chunk.file].sent(chunk, path)
        files = (*self.files[: chunk.file], file, *self.files[chunk.file + 1 :])
        return replace(self, files=files), there
