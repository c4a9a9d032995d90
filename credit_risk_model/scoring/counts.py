"""How many rows of a chunk went where and why, and what identifies the chunk and its files."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from credit_risk_model.loan_files.chunk import Rows
from credit_risk_model.scoring.rows import Encoded


@dataclass(frozen=True)
class Counts:
    """The rows of a chunk, or of several; `rows` = `scored` + `rejected`.

    `forms` counts the rows in which an accepted form was read. `reasons` has for each group of rejects their number
    and the line and reason of the first. `input` is the digest of the chunk, `files` are those of what was written.
    """

    rows: int = 0
    scored: int = 0
    rejected: int = 0
    notes: int = 0
    forms: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, list[Any]] = field(default_factory=dict)
    input: str = ""
    files: Sequence[str] = ()

    @classmethod
    def of(cls, encoded: Encoded, read: Rows, digest: str = "", files: Sequence[str] = ()) -> "Counts":
        """Count the rows of a chunk."""
        reasons: dict[str, list[Any]] = {}
        for reject in encoded.rejects:
            where = reject.line if read.file is None else f"{read.file}:{reject.line}"
            reasons.setdefault(reject.group, [0, where, reject.reason])[0] += 1
        scored, rejected = len(encoded.matrix), len(encoded.rejects)
        return cls(scored + rejected, scored, rejected, read.notes, encoded.forms, reasons, digest, files)

    @classmethod
    def sum(cls, counts: Iterable["Counts"]) -> "Counts":
        """Add the counts of all chunks, in the order of the file."""
        totals: Counter[str] = Counter()
        forms: Counter[str] = Counter()
        reasons: dict[str, list[Any]] = {}
        for each in counts:
            totals.update(each.totals)
            forms.update(each.forms)
            for group, (number, *example) in each.reasons.items():
                reasons.setdefault(group, [0, *example])[0] += number
        rows, scored, rejected, notes = (totals[key] for key in ("rows", "scored", "rejected", "notes"))
        return cls(rows, scored, rejected, notes, dict(forms), reasons)

    @classmethod
    def from_json(cls, content: bytes) -> "Counts":
        """Read what `to_json` wrote.

        Raises:
            ValueError, TypeError: it is damaged.
        """
        return cls(**json.loads(content))

    def to_json(self) -> bytes:
        """Return the counts as JSON."""
        return json.dumps(asdict(self)).encode()

    @property
    def totals(self) -> dict[str, int]:
        """How many rows there are, and how many went where."""
        return {"rows": self.rows, "scored": self.scored, "rejected": self.rejected, "notes": self.notes}

    @property
    def most_are_rejected(self) -> bool:
        """Whether more than half of the rows are rejected: the file, rather than some of its rows, is wrong."""
        return 2 * self.rejected > self.rows

    @property
    def by_reason(self) -> list[dict[str, Any]]:
        """The rejects by reason, the most frequent first, with one example each."""
        ordered = sorted(self.reasons.items(), key=lambda entry: -entry[1][0])
        return [
            {"reason": group, "rows": number, "example": {"line": line, "reason": reason}}
            for group, (number, line, reason) in ordered
        ]
