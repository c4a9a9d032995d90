"""What a file of loans consists of, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK


class ScoringError(Exception):
    """A file that cannot be scored: which one, what was found there, and what to do."""


class StalledError(ScoringError):
    """A run in which nothing was finished for too long: for how long, why, and what to do."""


@dataclass(frozen=True)
class Columns:
    """Where the file has what is needed: the name of each feature's column, and of the one that identifies a loan.

    With `on_book`, these are the features of the on-book model. `as_of` is the month, as a number, that the age is
    counted to where the file has the month of issue.
    """

    features: tuple[str, ...]
    id: str | None
    on_book: bool = False
    as_of: int | None = None

    @classmethod
    def find(cls, path: Path, found: Sequence[str], identity: str | None, on_book: bool = False) -> Columns:
        """Look for Lending Club's names or for those of a request; without a column `id`, the line identifies a loan.

        Raises:
            ScoringError: neither naming is complete, or a column is missing that was asked for, or stands there twice.
        """
        inputs = (ON_BOOK if on_book else LOAN).features
        namings = [tuple(feature.column for feature in inputs), tuple(feature.field for feature in inputs)]
        missing, naming = min((([name for name in names if name not in found], names) for names in namings), key=_count)
        if missing:
            raise ScoringError(
                f"{str(path)!r} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; it needs "
                f"Lending Club's columns or the names of a request. Its {len(found)} columns start with "
                f"{', '.join(map(repr, found[:3]))}."
            )
        if identity is not None and identity not in found:
            raise ScoringError(f"{str(path)!r} has no column {identity!r} to tell loans apart by.")
        columns = cls(naming, identity or ("id" if "id" in found else None), on_book)
        for name in columns.wanted:
            if list(found).count(name) > 1:
                raise ScoringError(f"{str(path)!r} has the column {name!r} twice.")
        return columns

    @property
    def inputs(self) -> FeatureSet:
        """The features, in the order of their columns."""
        return ON_BOOK if self.on_book else LOAN

    @property
    def wanted(self) -> list[str]:
        """The columns to read, each once."""
        return list(dict.fromkeys([*self.features, *([self.id] if self.id else [])]))


def _count(candidate: tuple[list[str], tuple[str, ...]]) -> int:
    return len(candidate[0])


@dataclass(frozen=True)
class Part:
    """Some of the rows of a file, in their order: `rows` of them, the first one on the line after `line`.

    `start` and `stop` say where they are: bytes of a CSV file; rows of the row group `group` of a Parquet file.
    `size` is what they add to the progress. `content` has them, where they were at hand.
    """

    number: int
    start: int
    stop: int
    line: int
    rows: int
    size: int
    group: int = 0
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Rows:
    """The rows of a part that could be read, in columns by the file's names, and what is wrong with the others.

    `lines` has the line of each row that could be read; `damaged` has the line and the reason of each of the others.
    """

    values: pa.RecordBatch
    lines: pa.Array
    damaged: list[tuple[int, str]]
