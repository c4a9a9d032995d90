"""Counts the rows of a file that cannot be used, so that none of them is lost without a word."""

from typing import Any


class Skipped:
    """The rows that were skipped: how many for each reason, and where the first of them is."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Any]] = {}

    def add(self, reason: str, place: str) -> None:
        self._rows.setdefault(reason, [0, place])[0] += 1

    @property
    def count(self) -> int:
        return sum(rows for rows, _ in self._rows.values())

    def by_reason(self) -> list[dict[str, Any]]:
        """Return `rows`, `reason` and `first` of each reason, the most frequent one first."""
        found = [{"rows": rows, "reason": reason, "first": first} for reason, (rows, first) in self._rows.items()]
        return sorted(found, key=lambda reason: -reason["rows"])
