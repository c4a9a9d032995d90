"""Loans as CSV text: read by pyarrow, and by Python's reader where a chunk has what pyarrow does not take."""

import codecs
import csv
import hashlib
import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from credit_risk_model import atomic_file
from credit_risk_model.loan_files import records
from credit_risk_model.loan_files.chunk import Chunk, LoanFileError, Rows
from credit_risk_model.loan_files.columns import Columns
from credit_risk_model.loan_files.loan_file import LoanFile
from credit_risk_model.loan_files.text_form import TextForm

# Lines of Lending Club's own exports that are not loans: the last ones, and the title of a section.
NOTES = ("Total amount funded in policy code", "Loans that do not meet the credit policy")


@dataclass(frozen=True)
class CsvLoans(LoanFile):
    """A text file of loans, one record each; the line of a loan is the first line of its record, from 1."""

    form: TextForm
    format = "CSV"
    unit = "B"

    @classmethod
    def open(
        cls,
        path: Path,
        namings: Sequence[Sequence[str]],
        chunk_rows: int,
        identity: str | None = None,
        encoding: str | None = None,
    ) -> "CsvLoans":
        """Read the header.

        Raises:
            LoanFileError: the file has no header, or the header lacks a column.
        """
        form = TextForm.find(path, namings, encoding)
        columns = Columns.find(path, form.header, namings, identity)
        return cls(path, columns, form.header, pa.string(), chunk_rows, path.stat().st_size, form)

    @property
    def forms(self) -> list[str]:
        return [*self.form.forms, *super().forms]

    def chunks(self) -> Generator[Chunk, None, None]:
        with self.form.opened(self.path) as (file, raw):
            start, line, seen = self.form.start, self.form.lines, 0
            for number, text in enumerate(records.split(file, self.form.delimiter, self.chunk_rows)):
                digest, read = hashlib.sha256(text.content).hexdigest(), raw.tell()
                first_lines = None if text.first_lines is None else line + text.first_lines
                yield Chunk(
                    number, start, start + len(text.content), line, text.rows, read - seen, digest,
                    text.content, first_lines, text.is_regular,
                )  # fmt: skip
                start, line, seen = start + len(text.content), line + text.lines, read

    def read(self, chunk: Chunk) -> Rows:
        content = chunk.content
        if content is None:
            with self.path.open("rb") as file:
                file.seek(chunk.start)
                content = file.read(chunk.stop - chunk.start)
            if hashlib.sha256(content).hexdigest() != chunk.digest:
                raise LoanFileError(f"{str(self.path)!r} changed while it was read: run it again.")
        # Pyarrow would drop a byte-order mark, which is only one at the start of the file.
        notes = (*NOTES, max(self.header, key=len))  # the longest name shows another header
        is_odd = content.startswith(codecs.BOM_UTF8) or any(note.encode() in content for note in notes)
        values = self._read_fast(content) if chunk.is_regular and not is_odd else None
        if values is not None and values.num_rows == chunk.rows:
            lines = chunk.first_lines
            lines = np.arange(chunk.line + 1, chunk.line + chunk.rows + 1) if lines is None else lines
            return Rows(values, pa.array(lines, pa.int64()), [])
        return self._read_carefully(content, chunk.line)

    def sent(self, chunk: Chunk, path: Path) -> tuple["CsvLoans", Chunk]:
        without = replace(chunk, content=None)
        if self.form.is_plain:
            return self, without
        # Nobody can start to read in the middle of a compressed file.
        atomic_file.write(path, chunk.content or b"")
        there = replace(self.form, compression=None, encoding="utf-8", has_bare_cr=False)
        return replace(self, path=path, form=there), replace(without, start=0, stop=chunk.stop - chunk.start)

    def _read_fast(self, content: bytes) -> pa.RecordBatch | None:
        """Return the wanted columns, or None where pyarrow refuses the text."""
        sources = [str(self.header.index(source)) for source in self.columns.sources]
        surplus = [str(position) for position in range(len(self.header), self.form.width)]
        try:
            table = pacsv.read_csv(
                pa.BufferReader(content),
                pacsv.ReadOptions(column_names=[str(position) for position in range(self.form.width)]),
                pacsv.ParseOptions(delimiter=self.form.delimiter, newlines_in_values=b'"' in content),
                pacsv.ConvertOptions(
                    column_types=dict.fromkeys([*sources, *surplus], pa.string()),
                    include_columns=list(dict.fromkeys([*sources, *surplus])),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if any(table.column(position).null_count < len(table) for position in surplus):
            return None  # a row is damaged
        arrays = [table.column(position).combine_chunks() for position in sources]
        return pa.RecordBatch.from_arrays(arrays, list(self.columns.names))

    def _read_carefully(self, content: bytes, line: int) -> Rows:
        """Read record by record, so that each one that is not valid gets its reason."""
        positions = [self.header.index(source) for source in self.columns.sources]
        taken, lines, damaged, notes = [], [], [], 0
        reader = csv.reader(
            (text.decode(errors="replace") for text in io.BytesIO(content)), delimiter=self.form.delimiter
        )
        is_ascii = content.isascii()
        while True:
            first = line + reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                hint = "; is a quote not closed?" if "limit" in str(error) else ""
                damaged.append((first, f"not valid CSV: {str(error).partition(' - ')[0]}{hint}"))
                continue
            if not record:
                continue
            is_title = record[0].startswith(NOTES) and not any(record[1:])
            if is_title or tuple(record[: len(self.header)]) == self.header:
                notes += 1
                continue
            if len(record) != self.form.width:
                damaged.append((first, f"{len(record)} values, expected {self.form.width}"))
                continue
            if any(surplus := record[len(self.header) :]):
                damaged.append((first, f"{', '.join(surplus)[:60]!r} after the last column"))
                continue
            values = [record[position] for position in positions]
            if not is_ascii and "\ufffd" in "".join(values):
                damaged.append((first, f"not valid UTF-8 (give --encoding): {', '.join(map(repr, values))[:200]}"))
            else:
                taken.append(values)
                lines.append(first)
        columns = zip(*taken, strict=True) if taken else [()] * len(self.columns.names)
        arrays = [pa.array([value or None for value in column], pa.string()) for column in columns]
        batch = pa.RecordBatch.from_arrays(arrays, list(self.columns.names))
        return Rows(batch, pa.array(lines, pa.int64()), damaged, notes)
