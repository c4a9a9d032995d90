"""The loans of a path: of one file, or of the files of a folder or a pattern, read one after the other."""

import glob
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pyarrow as pa

from credit_risk_model.loan_files.chunk import Chunk, LoanFileError, Rows
from credit_risk_model.loan_files.columnar_file import ColumnarLoans
from credit_risk_model.loan_files.columnar_format import columnar_format
from credit_risk_model.loan_files.columns import Columns
from credit_risk_model.loan_files.compression import is_hidden
from credit_risk_model.loan_files.csv_file import CsvLoans
from credit_risk_model.loan_files.loan_file import LoanFile


@dataclass(frozen=True)
class Loans:
    """Files with one schema, in the order of their names; `path` is that of the only file, a folder or a pattern.

    They are used like one `LoanFile`.
    """

    path: Path
    files: tuple[LoanFile, ...]
    is_one_file: bool

    @property
    def columns(self) -> Columns:
        return self.files[0].columns

    @property
    def id_type(self) -> pa.DataType:
        return self.files[0].id_type

    @property
    def total(self) -> int:
        return sum(file.total for file in self.files)

    @property
    def unit(self) -> str:
        return self.files[0].unit

    @property
    def forms(self) -> list[str]:
        return list(dict.fromkeys(form for file in self.files for form in file.forms))

    def with_columns(self, names: Sequence[str]) -> "Loans":
        return replace(self, files=tuple(file.with_columns(names) for file in self.files))

    def chunks(self) -> Generator[Chunk, None, None]:
        """Yield the chunks of all files with their content; none has rows of two files."""
        numbers = count()
        for position, file in enumerate(self.files):
            for chunk in file.chunks():
                yield replace(chunk, number=next(numbers), file=position)

    def read(self, chunk: Chunk) -> Rows:
        """Return the rows of a chunk, with the name of their file if there are several."""
        rows = self.files[chunk.file].read(chunk)
        return rows if self.is_one_file else replace(rows, file=self.name(chunk.file))

    def name(self, file: int) -> str:
        """Return the path of a file within the folder, or its name."""
        path = self.files[file].path
        return str(path.relative_to(self.path)) if path.is_relative_to(self.path) else path.name

    def sent(self, chunk: Chunk, path: Path) -> tuple["Loans", Chunk]:
        file, there = self.files[chunk.file].sent(chunk, path)
        return replace(self, files=(*self.files[: chunk.file], file, *self.files[chunk.file + 1 :])), there


def open_loans(
    path: Path,
    namings: Sequence[Sequence[str]],
    chunk_rows: int,
    identity: str | None = None,
    encoding: str | None = None,
) -> Loans:
    """Open a file, the files of a folder, or those that a pattern such as `part-*.csv` names.

    Raises:
        LoanFileError: the path is not that of files with loans, or their schemas differ.
        OSError: a file cannot be read.
    """

    def opened(each: Path) -> LoanFile:
        if each.exists() and not each.is_file():
            raise LoanFileError(
                f"{str(each)!r} is a pipe or a device, which cannot be read twice: save the loans to a file."
            )
        if columnar_format(each):
            return ColumnarLoans.open(each, namings, chunk_rows, identity)
        return CsvLoans.open(each, namings, chunk_rows, identity, encoding)

    found = paths(path)
    if found is None:
        return Loans(path, (opened(path),), is_one_file=True)
    if not found:
        raise LoanFileError(f"{str(path)!r} has no files.")
    files = tuple(map(opened, found))
    for file in files[1:]:
        _check_schema(files[0], file)
    return Loans(path, files, is_one_file=False)


def paths(path: Path) -> list[Path] | None:
    """Return the files of a folder, or those that a pattern names, in the order of their names; None for a file."""
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.is_file() and not is_hidden(each.relative_to(path)))
    if not path.exists() and glob.has_magic(str(path)):
        matches = glob.glob(str(path), recursive=True)  # noqa: PTH207  # Path.glob takes no absolute pattern
        return sorted(each for each in map(Path, matches) if each.is_file())
    return None


def _check_schema(first: LoanFile, file: LoanFile) -> None:
    for what, ours, theirs in (
        ("format", first.format, file.format),
        ("columns", first.columns.names, file.columns.names),
        ("type of the id", first.id_type, file.id_type),
    ):
        if ours != theirs:
            raise LoanFileError(
                f"{str(file.path)!r} differs from {str(first.path)!r} in its {what}: {theirs}, not {ours}. "
                "Score them one by one."
            )
