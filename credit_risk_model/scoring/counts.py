"""How many rows of a chunk went where and why, and what identifies the chunk and its files."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from credit_risk_model.loan_files.chunk import Rows
from credit_risk_model.scoring.rows import Encoded


@dataclass(frozen=True)
class Counts:
    """The rows of a chunk, or of several; `rows` = `scored` + `rejected`.

    `forms` counts the rows in which an accepted form was read. `reasons` has the number of rejects for each reason
    without values, and the first of them. `input` is the digest of the chunk, `files` are those of what was written.
    """

    rows: int = 0
    scored: int = 0
    rejected: int = 0
    notes: int = 0
    forms: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, dict[str, Any]] = field(default_factory=dict)
    input: str = ""
    files: Sequence[str] = ()

    @classmethod
    def of(cls, encoded: Encoded, read: Rows, digest: str = "", files: Sequence[str] = ()) -> "Counts":
        reasons: dict[str, dict[str, Any]] = {}
        for reject in encoded.rejects:
            where = reject.line if read.file is None else f"{read.file}:{reject.line}"
            first = {"rows": 0, "example": {"line": where, "reason": reject.reason}}
            reasons.setdefault(reject.group, first)["rows"] += 1
        scored, rejected = len(encoded.matrix), len(encoded.rejects)
        return cls(scored + rejected, scored, rejected, read.notes, encoded.forms, reasons, digest, files)

    @classmethod
    def sum(cls, counts: Iterable["Counts"]) -> "Counts":
        """Add the counts of all chunks, in the order of the file."""
        totals: Counter[str] = Counter()
        forms: Counter[str] = Counter()
        reasons: dict[str, dict[str, Any]] = {}
        for each in counts:
            totals.update(each.totals)
            forms.update(each.forms)
            for group, entry in each.reasons.items():
                reasons.setdefault(group, entry | {"rows": 0})["rows"] += entry["rows"]
        rows, scored, rejected, notes = (totals[key] for key in ("rows", "scored", "rejected", "notes"))
        return cls(rows, scored, rejected, notes, dict(forms), reasons)

    @property
    def totals(self) -> dict[str, int]:
        return {"rows": self.rows, "scored": self.scored, "rejected": self.rejected, "notes": self.notes}

    @property
    def most_are_rejected(self) -> bool:
        """Whether more than half of the rows are rejected: the file, rather than some of its rows, is wrong."""
        return 2 * self.rejected > self.rows

    @property
    def by_reason(self) -> list[dict[str, Any]]:
        """The rejects by reason, the most frequent first, with one example each."""
        entries = [{"reason": group, **entry} for group, entry in self.reasons.items()]
        return sorted(entries, key=lambda entry: -entry["rows"])
