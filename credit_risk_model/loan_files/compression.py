"""Compressed files, read as what they contain."""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath
from typing import IO, Any

import pyarrow as pa

from credit_risk_model.loan_files.chunk import LoanFileError

_STARTS = {"gzip": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00", "zip": b"PK\x03\x04", "zst": b"\x28\xb5\x2f\xfd"}
_ERRORS = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException)


def compression(path: Path) -> str | None:
    """Return the name of the compression that the first bytes of a file show."""
    with path.open("rb") as file:
        start = file.read(6)
    return next((name for name, magic in _STARTS.items() if start.startswith(magic)), None)


def is_hidden(path: PurePath) -> bool:
    """Return whether a file of a folder or an archive is not data: `_SUCCESS`, `.part-0.crc`, `__MACOSX/loan.csv`."""
    return any(part.startswith((".", "_")) for part in path.parts)


@contextmanager
def opened(path: Path, kind: str | None) -> Iterator[tuple[Any, IO[bytes]]]:
    """Yield the unpacked content, which has `read(size)`, and the file on the disk, whose position is the progress.

    Raises:
        LoanFileError: the compressed file is damaged, or a zip file has not exactly one member.
    """
    with ExitStack() as stack:
        raw = stack.enter_context(path.open("rb"))
        try:
            yield _unpacked(path, kind, raw, stack), raw
        except (*_ERRORS, OSError) as error:
            # For a damaged file, bz2 and gzip raise an OSError without a number.
            if isinstance(error, OSError) and (kind is None or error.errno is not None):
                raise
            raise LoanFileError(f"{str(path)!r} is a damaged {kind} file: {error}. Copy it again.") from error


def _unpacked(path: Path, kind: str | None, raw: IO[bytes], stack: ExitStack) -> Any:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=raw)
    if kind == "bz2":
        return bz2.BZ2File(raw)
    if kind == "xz":
        return lzma.LZMAFile(raw)
    if kind == "zst":
        return stack.enter_context(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))
    if kind == "zip":
        archive = stack.enter_context(zipfile.ZipFile(raw))
        members = [each for each in archive.infolist() if not (each.is_dir() or is_hidden(PurePath(each.filename)))]
        if len(members) != 1:
            raise LoanFileError(
                f"{str(path)!r} is a zip file with {len(members)} members, expected one. Unpack it to a folder and "
                "give the folder."
            )
        if members[0].flag_bits & 1:
            raise LoanFileError(f"{str(path)!r} is an encrypted zip file: unpack it first.")
        return stack.enter_context(archive.open(members[0]))
    return raw
