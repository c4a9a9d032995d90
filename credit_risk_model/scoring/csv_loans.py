"""Loans as CSV, plain or with gzip: split where records end, which is not where lines end."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import IO

import pyarrow as pa

from credit_risk_model.scoring.loans import Columns, Part, Rows, ScoringError

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class CsvLoans:
    """A CSV file with commas, in UTF-8."""

    path: Path
    columns: Columns
    header: tuple[str, ...]
    is_gzip: bool
    part_rows: int
    total: int
    unit: str = "B"
    id_type = pa.string()

    @classmethod
    def open(cls, path: Path, identity: str | None, part_rows: int, on_book: bool = False) -> "CsvLoans":
        """Read the header.

        Raises:
            ScoringError: there is none, or it lacks a column.
        """
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        with _reading(path, is_gzip) as (file, _):
            header = next(csv.reader(_texts(file)), None)
        if not header:
            raise ScoringError(f"{str(path)!r} is empty, expected a header and loans.")
        columns = Columns.find(path, header, identity, on_book)
        return cls(path, columns, tuple(header), is_gzip, part_rows, path.stat().st_size)

    def parts(self) -> Iterator[Part]:
        """Yield the parts with their content."""
        with _reading(self.path, self.is_gzip) as (file, raw):
            taken = _Taken(file)
            taken.record()
            number, start, line, seen = 0, taken.bytes, taken.lines, 0
            lines: list[bytes] = []
            count = 0
            while record := taken.record():
                lines += record
                count += any(text.strip(b"\r\n") for text in record)
                if count == self.part_rows:
                    yield Part(number, start, taken.bytes, line, count, raw.tell() - seen, content=b"".join(lines))
                    number, start, line, seen, count, lines = number + 1, taken.bytes, taken.lines, raw.tell(), 0, []
            if count:
                yield Part(number, start, taken.bytes, line, count, raw.tell() - seen, content=b"".join(lines))

    def read(self, part: Part) -> Rows:
        """Return the rows of a part."""
        content = part.content
        if content is None:
            with self.path.open("rb") as file:
                file.seek(part.start)
                content = file.read(part.stop - part.start)
        wanted = self.columns.wanted
        take = itemgetter(*map(self.header.index, wanted))
        records, lines, damaged = [], [], []
        reader = csv.reader(line.decode(errors="replace") for line in io.BytesIO(content))
        is_ascii = content.isascii()
        while True:
            line = part.line + reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                hint = "; is a quote not closed?" if "limit" in str(error) else ""
                damaged.append((line, f"no CSV: {str(error).partition(' - ')[0]}{hint}"))
                continue
            if len(record) != len(self.header):
                if record:  # a blank line is none
                    damaged.append((line, f"{len(record)} values, expected {len(self.header)}"))
            elif not is_ascii and "\ufffd" in "".join(values := take(record)):
                damaged.append((line, f"no UTF-8: {', '.join(map(repr, values))[:200]}"))
            else:
                records.append(take(record))
                lines.append(line)
        columns = zip(*records, strict=True) if records else [()] * len(wanted)
        arrays = [pa.array([value or None for value in column], pa.string()) for column in columns]
        return Rows(pa.RecordBatch.from_arrays(arrays, wanted), pa.array(lines, pa.int64()), damaged)


class _Taken:
    """The lines of a file, record by record, and how much was taken so far."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._last: list[bytes] = []
        self.bytes = 0
        self.lines = 0

    def record(self) -> list[bytes]:
        """Return the lines of the next record, or none at the end of the file."""
        self._last = []
        first = self._next()
        if b'"' in first:  # only then may it go on in the next lines, and only the reader of CSV knows
            with suppress(csv.Error):  # who reads this record tells
                next(csv.reader(line.decode(errors="replace") for line in chain([first], iter(self._next, b""))))
        return self._last

    def _next(self) -> bytes:
        line = self._file.readline()
        if line:
            self._last.append(line)
            self.bytes += len(line)
            self.lines += 1
        return line


@contextmanager
def _reading(path: Path, is_gzip: bool) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Yield the file as it reads, and as it lies on the disk."""
    with path.open("rb") as raw:
        try:
            yield (gzip.GzipFile(fileobj=raw) if is_gzip else raw), raw  # type: ignore[misc]  # both read bytes
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ScoringError(f"{str(path)!r} is a damaged gzip file: {error}. Copy it again.") from error


def _texts(file: IO[bytes]) -> Iterator[str]:
    for number, line in enumerate(file):
        yield (line.removeprefix(_BOM) if number == 0 else line).decode(errors="replace")
