"""How a text file of loans is written: compression, encoding, line ends, delimiter, and where the loans start."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from credit_risk_model.loan_files import compression
from credit_risk_model.loan_files.chunk import LoanFileError
from credit_risk_model.loan_files.columns import recognised

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_HEAD = 2**20  # bytes in which the header and the first rows are looked for
_FIRST_LINES = 5  # the header is one of them
_LOOKED_AT = 100  # rows that tell how many values a row has
_UTF16_MARKS = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE


@dataclass(frozen=True)
class TextForm:
    """The form of one text file; the loans start at byte `start`, after `lines` lines, of its text in UTF-8."""

    compression: str | None
    encoding: str
    has_bare_cr: bool
    delimiter: str
    header: tuple[str, ...]
    width: int
    start: int
    lines: int
    banner: str | None = None

    @classmethod
    def find(cls, path: Path, namings: Sequence[Sequence[str]], encoding: str | None = None) -> "TextForm":
        """Read the start of a file, in `encoding` or else in the one that it shows; UTF-8 where it shows none.

        Raises:
            LoanFileError: the file is empty, damaged, or not text in this encoding.
        """
        packed = compression.compression(path)
        with compression.opened(path, packed) as (file, _):
            head = file.read(_HEAD)
        encoding = encoding or _shown_encoding(head)
        if encoding != "utf-8":
            try:
                head = codecs.getincrementaldecoder(encoding)().decode(head).encode()
            except UnicodeError as error:
                raise LoanFileError(f"{str(path)!r} is not text in {encoding}: {error}. Give --encoding.") from error
        first_end = re.search(rb"\r+\n|\r|\n", head)
        has_bare_cr = first_end is not None and first_end[0] == b"\r"
        if has_bare_cr:
            head = head.replace(b"\r", b"\n")
        found = [_header(head, delimiter, namings) for delimiter in DELIMITERS]
        _, delimiter, number, records, ends = max(found, key=itemgetter(0))
        if not records:
            what = "is not CSV" if head.strip(codecs.BOM_UTF8 + b"\r\n") else "is empty"
            raise LoanFileError(f"{str(path)!r} {what}, expected a header and loans.")
        header, width = _widths(records[number], records[number + 1 :])
        lines = ends[number]
        start = _bytes_of(head, lines)
        banner = " / ".join(" ".join(filter(None, record)) for record in records[:number]) or None
        return cls(packed, encoding, has_bare_cr, delimiter, header, width, start, lines, banner)

    @property
    def is_plain(self) -> bool:
        """Whether the bytes of the file are its text in UTF-8."""
        return self.compression is None and self.encoding == "utf-8" and not self.has_bare_cr

    @contextmanager
    def opened(self, path: Path) -> Iterator[tuple[Any, IO[bytes]]]:
        """Yield the text in UTF-8 with LF in place of bare CR, from the first loan on, and the file on the disk."""
        with compression.opened(path, self.compression) as (file, raw):
            if self.is_plain:
                file.seek(self.start)
                yield file, raw
                return
            text = file
            if self.encoding != "utf-8":
                text = pa.transcoding_input_stream(pa.PythonFile(file, mode="r"), self.encoding, "utf-8")
            if self.has_bare_cr:
                text = _WithoutBareCr(text)
            try:
                left = self.start
                while left and (skipped := text.read(left)):
                    left -= len(skipped)
                yield text, raw
            except UnicodeError as error:
                raise LoanFileError(f"{str(path)!r} is not text in {self.encoding}: {error}.") from error

    @property
    def forms(self) -> list[str]:
        """What differs from UTF-8 text with commas and a header in its first line."""
        surplus = self.width - len(self.header)
        found = {
            f"{self.compression}: unpacked": self.compression,
            f"encoding: {self.encoding}": self.encoding != "utf-8",
            "line ends: CR": self.has_bare_cr,
            f"delimiter: {DELIMITERS[self.delimiter]}": self.delimiter != ",",
            f"before the header: skipped {(self.banner or '')[:60]!r}": self.banner,
            f"end of rows: {surplus} empty values dropped": surplus > 0,
        }
        return [form for form, is_met in found.items() if is_met]


def _shown_encoding(head: bytes) -> str:
    if head.startswith(_UTF16_MARKS):
        return "utf-16"
    if b"\0" in head[:2] and len(head) > 1 and head[:1] != head[1:2]:
        return "utf-16-be" if head.startswith(b"\0") else "utf-16-le"
    return "utf-8"


def _header(
    head: bytes, delimiter: str, namings: Sequence[Sequence[str]]
) -> tuple[int, str, int, list[list[str]], list[int]]:
    """Return how many columns are recognised, the delimiter, which record is the header, the first records, their ends.

    The end of a record is the number of lines up to it. Blank lines are left out.
    """
    lines = io.BytesIO(head.removeprefix(codecs.BOM_UTF8))
    reader = csv.reader((line.decode(errors="replace") for line in lines), delimiter=delimiter)
    records: list[list[str]] = []
    ends: list[int] = []
    with suppress(csv.Error):  # the reader of the chunks reports it
        for record in reader:
            if record:
                records.append(record)
                ends.append(reader.line_num)
            if len(records) > _FIRST_LINES + _LOOKED_AT:
                break
    names = [recognised(record, namings) for record in records[:_FIRST_LINES]]
    most = max(names, default=0)
    return most, delimiter, names.index(most) if names else 0, records, ends


def _widths(header: list[str], records: list[list[str]]) -> tuple[tuple[str, ...], int]:
    """Return the header without empty names at its end, and how many values a row has: more, if these are empty."""
    while len(header) > 1 and not header[-1].strip():
        header = header[:-1]
    longer = [record for record in records if len(record) > len(header) and not any(record[len(header) :])]
    if 2 * len(longer) > len(records):
        return tuple(header), Counter(map(len, longer)).most_common(1)[0][0]
    return tuple(header), len(header)


def _bytes_of(head: bytes, lines: int) -> int:
    end = 0
    for _ in range(lines):
        end = head.find(b"\n", end) + 1 or len(head)
    return end


class _WithoutBareCr:
    """A file whose lines end with CR, read with LF in its place."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end."""
        content: bytes = self._file.read(size)
        return content.replace(b"\r", b"\n")
