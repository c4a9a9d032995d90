"""Where a file has the columns that are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from credit_risk_model.lending_club import LENDER
from credit_risk_model.loan_files.chunk import LoanFileError

_IDS = ("id", "loan_id")


@dataclass(frozen=True)
class Columns:
    """The columns to read: `names` as the code calls them, `sources` as the file does, and which of them is the id."""

    names: tuple[str, ...]
    sources: tuple[str, ...]
    id: str | None = None

    @classmethod
    def find(
        cls, path: Path, header: Sequence[str], namings: Sequence[Sequence[str]], identity: str | None = None
    ) -> Columns:
        """Look for one of the namings, in any case; without a column `id` or `loan_id`, the line identifies a loan.

        Raises:
            LoanFileError: no naming is complete, or a column that is asked for is missing or there twice.
        """
        candidates = [[name for name in naming if not _sources(name, header)] for naming in namings]
        missing = min(candidates, key=len)
        if missing:
            several = len(missing) > 1
            expected = f"Expected: {' or '.join(NAMINGS[: len(namings)])}. " if several else ""
            raise LoanFileError(
                f"{str(path)!r} lacks the column{'s' if several else ''} {', '.join(missing)}. {expected}"
                f"Its {len(header)} columns start with {', '.join(map(repr, header[:3]))}."
            )
        naming = tuple(namings[candidates.index(missing)])
        if identity is not None and not _sources(identity, header):
            raise LoanFileError(f"{str(path)!r} has no column {identity!r}, which --id names.")
        id_name = identity or next((name for name in _IDS if _sources(name, header)), None)
        names = tuple(dict.fromkeys([*naming, *([id_name] if id_name else [])]))
        return cls(names, tuple(_source(path, name, header) for name in names), id_name)

    @property
    def forms(self) -> list[str]:
        """The columns whose names are written otherwise in the file."""
        pairs = zip(self.names, self.sources, strict=True)
        renamed = [f"{source!r} as {name}" for name, source in pairs if source != name]
        shown = ", ".join(renamed[:3]) + (", ..." if len(renamed) > 3 else "")
        forms = [f"column names: {len(renamed)} differ in case or spaces and are read, {shown}"] if renamed else []
        if self.id is not None and self.id in _IDS[1:]:
            forms.append(f"column names: {self.id} is the id")
        return forms


NAMINGS = (f"{LENDER}'s columns", "the names of a request")


def recognised(header: Sequence[str], namings: Sequence[Sequence[str]]) -> int:
    """Return how many columns of the best naming the header has."""
    folded = set(map(_folded, header))
    return max(sum(_folded(name) in folded for name in naming) for naming in namings)


def _folded(name: str) -> str:
    return name.strip(" \t_\"'\u00a0\ufeff").casefold().replace(" ", "_")


def _sources(name: str, header: Sequence[str]) -> list[str]:
    exact = [source for source in header if source == name]
    return exact or [source for source in header if _folded(source) == _folded(name)]


def _source(path: Path, name: str, header: Sequence[str]) -> str:
    sources = _sources(name, header)
    if len(sources) > 1:
        raise LoanFileError(f"{str(path)!r} has the column {name!r} twice: {', '.join(map(repr, sources))}.")
    return sources[0]
