"""Which reader reads a path: of text, of Parquet or Arrow, or of a folder of such files."""

import glob
from collections.abc import Sequence
from pathlib import Path

from credit_risk_model.loan_files.chunk import LoanFileError
from credit_risk_model.loan_files.columnar_file import ColumnarLoans
from credit_risk_model.loan_files.columnar_format import columnar_format
from credit_risk_model.loan_files.csv_file import CsvLoans
from credit_risk_model.loan_files.several_files import SeveralFiles

Loans = CsvLoans | ColumnarLoans | SeveralFiles

_SKIPPED = (".", "_")  # how names of files start that are not data: `_SUCCESS`, `.part-0.crc`


def open_loans(
    path: Path,
    namings: Sequence[Sequence[str]],
    chunk_rows: int,
    identity: str | None = None,
    encoding: str | None = None,
) -> Loans:
    """Open a file, the files of a folder, or those that a pattern such as `part-*.csv` names.

    Raises:
        LoanFileError: the path is not that of files with loans.
        OSError: a file cannot be read.
    """
    found = paths(path)
    if found is None:
        return _open(path, namings, chunk_rows, identity, encoding)
    if not found:
        raise LoanFileError(f"{str(path)!r} has no files.")
    return SeveralFiles.of(path, [_open(each, namings, chunk_rows, identity, encoding) for each in found])


def paths(path: Path) -> list[Path] | None:
    """Return the files of a folder, or those that a pattern names, in the order of their names; None for a file."""
    if path.is_dir():
        found = (each for each in path.rglob("*") if each.is_file())
        return sorted(
            each for each in found if not any(part.startswith(_SKIPPED) for part in each.relative_to(path).parts)
        )
    if not path.exists() and glob.has_magic(str(path)):
        matches = glob.glob(str(path), recursive=True)  # noqa: PTH207  # Path.glob takes no absolute pattern
        return sorted(each for each in map(Path, matches) if each.is_file())
    return None


def _open(
    path: Path, namings: Sequence[Sequence[str]], chunk_rows: int, identity: str | None, encoding: str | None
) -> CsvLoans | ColumnarLoans:
    if path.exists() and not path.is_file():
        raise LoanFileError(
            f"{str(path)!r} is a pipe or a device, which cannot be read twice: save the loans to a file."
        )
    if columnar_format(path):
        return ColumnarLoans.open(path, namings, chunk_rows, identity)
    return CsvLoans.open(path, namings, chunk_rows, identity, encoding)
