"""The unit in which the loans of a file are read, and the error of a file that cannot be read."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class LoanFileError(Exception):
    """A file that cannot be read as loans: which one, what was found there, and what to do."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a file: `rows` of them, after the first `line` lines.

    `start` and `stop` are bytes of a text file (unpacked, in UTF-8), or rows of a columnar file. `size` is what they
    add to the progress. `digest` identifies their content. `content` is the text or the columns, where they were read
    already, and `first_lines` has the line of each row where rows are not lines. `is_regular` says that all quotes are
    where RFC 4180 wants them. `file` is the position among several files.
    """

    number: int
    start: int
    stop: int
    line: int
    rows: int
    size: int
    digest: str
    content: Any = field(default=None, repr=False, compare=False)
    first_lines: NDArray[np.int64] | None = field(default=None, repr=False, compare=False)
    is_regular: bool = False
    file: int = 0


@dataclass(frozen=True)
class Rows:
    """The rows of a chunk that could be read, in columns, and what is wrong with the others.

    `lines` has the line of each row that could be read; `damaged` has the line and the reason of each of the others.
    `notes` counts rows that are text around the loans, such as a footer. `file` is the name of one of several files.
    """

    values: pa.RecordBatch
    lines: pa.Array
    damaged: list[tuple[int, str]]
    notes: int = 0
    file: str | None = None
