"""Where the records of CSV text end, which is not where its lines end: found for whole blocks of text at once.

A block in which each quote opens or closes a value as RFC 4180 has it is searched with numpy; any other one is given to
Python's reader of CSV, record by record. Both find the same records.
"""

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 2**22  # bytes
_LF, _CR, _QUOTE = b'\n\r"'

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Text:
    """The text of some records: how many of them are not blank, how many lines they have, the first line of each.

    `first_lines` counts from 1, and is None where record n is line n. `is_regular` says that numpy found them.
    """

    content: bytes
    rows: int
    lines: int
    first_lines: Positions | None
    is_regular: bool


@dataclass(frozen=True)
class _Block:
    """Records in a row: their bytes, and for each where it ends, whether it is blank and how many lines it has."""

    content: memoryview
    ends: Positions
    is_blank: NDArray[np.bool_]
    lines: Positions
    is_regular: bool

    def cut(self, records: int) -> tuple["_Block", "_Block"]:
        end = int(self.ends[records - 1])
        first = self.content[:end], self.ends[:records], self.is_blank[:records], self.lines[:records]
        rest = self.content[end:], self.ends[records:] - end, self.is_blank[records:], self.lines[records:]
        return _Block(*first, self.is_regular), _Block(*rest, self.is_regular)


def split(file: Any, delimiter: str, rows: int) -> Iterator[Text]:
    """Yield the text of the file in pieces of `rows` records that are not blank; the last piece may have fewer."""
    blocks: list[_Block] = []
    count = 0
    for block in _blocks(file, delimiter):
        while len(block.ends):
            seen = np.cumsum(~block.is_blank)
            if count + int(seen[-1]) < rows:
                blocks.append(block)
                count += int(seen[-1])
                break
            taken, block = block.cut(int(np.searchsorted(seen, rows - count)) + 1)
            yield _joined([*blocks, taken])
            blocks, count = [], 0
    if count:
        yield _joined(blocks)


def _joined(blocks: list[_Block]) -> Text:
    is_blank = np.concatenate([block.is_blank for block in blocks])
    lines = np.concatenate([block.lines for block in blocks])
    rows, total = int(np.count_nonzero(~is_blank)), int(lines.sum())
    first_lines = None if rows == total else (np.cumsum(lines) - lines + 1)[~is_blank]
    content = b"".join(block.content for block in blocks)
    return Text(content, rows, total, first_lines, all(block.is_regular for block in blocks))


def _blocks(file: Any, delimiter: str) -> Iterator[_Block]:
    rest = b""
    while True:
        # A block at a time, and more where a record is longer than a block.
        read = file.read(max(_BLOCK, len(rest)))
        content = rest + read
        if not content:
            return
        block = _regular(content, delimiter, is_last=not read) or _irregular(content, delimiter, is_last=not read)
        yield block
        if not read:
            return
        rest = content[len(block.content) :]


def _regular(content: bytes, delimiter: str, *, is_last: bool) -> _Block | None:
    """Return the whole records of a text that starts with a record, or None where the quotes are not regular."""
    if content.count(b"\r") != content.count(b"\r\n"):
        return None
    text = np.frombuffer(content, np.uint8)
    newlines = np.flatnonzero(text == _LF)
    lines_before = np.arange(1, len(newlines) + 1)
    ends = newlines + 1
    if b'"' in content:
        quotes = np.flatnonzero(text == _QUOTE)
        around = np.concatenate([[_LF], text, [_LF]])
        before, after = around[quotes[::2]], around[quotes[1::2] + 2]
        is_edge = np.zeros(256, bool)
        is_edge[[_LF, _QUOTE, ord(delimiter)]] = True
        if not (is_edge[before].all() and (is_edge[after] | (after == _CR)).all()):
            return None
        is_end = np.searchsorted(quotes, newlines) % 2 == 0
        if is_last and len(quotes) % 2:  # the last one is never closed
            return None
        ends, lines_before = ends[is_end], lines_before[is_end]
    if is_last and (not len(ends) or ends[-1] < len(content)):
        ends = np.append(ends, len(content))
        lines_before = np.append(lines_before, len(newlines) + 1)
    lengths = np.diff(ends, prepend=0)
    longest = max(int(lengths.max(initial=0)), len(content) - int(ends[-1] if len(ends) else 0))
    if longest > csv.field_size_limit():
        return None
    starts = ends - lengths
    is_blank = (text[starts] == _LF) | ((text[starts] == _CR) & (lengths <= 2))
    end = int(ends[-1]) if len(ends) else 0
    return _Block(memoryview(content)[:end], ends, is_blank, np.diff(lines_before, prepend=0), is_regular=True)


def _irregular(content: bytes, delimiter: str, *, is_last: bool) -> _Block:
    """Return the whole records of a text that starts with a record, as Python's reader of CSV finds them."""
    texts = io.BytesIO(content).readlines()
    reader = csv.reader((text.decode(errors="replace") for text in texts), delimiter=delimiter)
    before = [0]  # lines before each record, and after the last one
    while before[-1] < len(texts):
        with suppress(csv.Error):  # reported when the record is read
            next(reader)
        before.append(reader.line_num)
    if not is_last:
        before.pop()  # the last record may continue in the next block
    bounds = np.cumsum([0, *map(len, texts)])[before]
    is_blank = [not content[start:end].strip(b"\r\n") for start, end in pairwise(bounds)]
    return _Block(memoryview(content)[: bounds[-1]], bounds[1:], np.array(is_blank, bool), np.diff(before), False)
