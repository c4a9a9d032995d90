"""CSV as pyarrow reads it and as Python's own reader does: the same rows, lines and damaged rows, for any text."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from credit_risk_model.loan_files import records
from credit_risk_model.loan_files.csv_file import CsvLoans

HEADER = "id,amount,note\n"
NAMINGS = [["amount"]]
# What CSV is made of, and what breaks it.
ODD = [
    '"', '""', ",", "\n", "\r\n", "\r", "a", "1", " ", "é", '"a"', '"a\nb"', '"a""b"', '5"', "\n\n", "x,2,y\n",
    '1,"2",3\n',     '"4",5,"six\nseven"\n', "\x00", "\ufeff", "Total amount funded in policy code 1: 3\n", "\xa0",
]  # fmt: skip
REGULAR = ["1,2,three\n", '"4",5,"six\nseven"\n', '7,"8","a ""b"" c"\r\n', "\n", "9,,\n", '"",,""\n', '1,2,"a,b"\n']


def read(path: Path, chunk_rows: int) -> list[Any]:
    """Return what comes of each chunk, for a comparison."""
    loans = CsvLoans.open(path, NAMINGS, chunk_rows, "id")
    chunks = []
    for chunk in loans.chunks():
        rows = loans.read(chunk)
        place = (chunk.start, chunk.stop, chunk.line, chunk.rows, chunk.digest)
        chunks.append((place, rows.values.to_pydict(), rows.lines.to_pylist(), rows.damaged, rows.notes))
    return chunks


def carefully(path: Path, chunk_rows: int, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    with monkeypatch.context() as patch:
        patch.setattr(records, "_regular", lambda *given, **named: None)
        return read(path, chunk_rows)


@pytest.mark.parametrize("block", [16, 2**22])
@pytest.mark.parametrize("pieces", [ODD, REGULAR, [*REGULAR * 20, *ODD]], ids=["odd", "regular", "mixed"])
def test_pyarrow_and_the_careful_reader_give_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: list[str], block: int
) -> None:
    monkeypatch.setattr(records, "_BLOCK", block)
    path, chance = tmp_path / "in.csv", random.Random(7)
    for _ in range(60):
        body = "".join(chance.choices(pieces, k=chance.randrange(1, 40)))
        path.write_bytes((HEADER + "1,2,three\n" * 3 + body).encode())
        for chunk_rows in (1, 3, 1_000):
            assert read(path, chunk_rows) == carefully(path, chunk_rows, monkeypatch), body


def test_regular_text_is_read_by_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "".join(REGULAR) * 10)

    def refuse(*_: object) -> None:
        raise AssertionError("read carefully")

    monkeypatch.setattr(CsvLoans, "_read_carefully", refuse)

    assert sum(len(lines) for _, _, lines, _, _ in read(path, 7)) == 60


def test_a_value_that_is_too_long_for_the_reader_of_python_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "1,2,three\n" + f'4,5,"{"x" * 140_000}"\n' + "7,8,nine\n")

    [(place, values, lines, damaged, notes)] = read(path, 100)

    assert values["id"] == ["1", "7"]
    assert lines == [2, 4]
    assert "limit" in damaged[0][1]
    assert [(place, values, lines, damaged, notes)] == carefully(path, 100, monkeypatch)


def test_a_chunk_that_changed_since_it_was_found_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "1,2,three\n" * 5)
    loans = CsvLoans.open(path, NAMINGS, 2, "id")
    chunk = list(loans.chunks())[1]
    _, sent = loans.sent(chunk, tmp_path / "unused")
    assert loans.read(sent).values == loans.read(chunk).values
    assert pa.types.is_string(loans.id_type)

    path.write_text(HEADER + "1,9,three\n" * 5)

    with pytest.raises(Exception, match="changed while it was read"):
        loans.read(sent)
