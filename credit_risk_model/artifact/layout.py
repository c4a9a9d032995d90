"""The members of an artifact, and the error for an artifact that cannot be used."""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGED = Path(__file__).parent.parent / "model_files" / "1.zip"
PACKAGED_ON_BOOK = PACKAGED.with_name("on_book_1.zip")

MODEL = "model.joblib"
MODEL_TEXT = "model.txt"  # what `extract` makes of it: LightGBM's own text
METADATA = "metadata.json"
SELF_CHECK = "self_check.json"
MODEL_CARD = "model_card.md"
CLASSES = ["safe", "risky"]

RETRAIN = "Run `make train DATA=<loan.csv>` to create a new one."
RESTORE = "Restore the original file, or run `make train DATA=<loan.csv>` to create a new one."


def evidence_path(path: Path) -> Path:
    """Return the path of the second file of an artifact, with the pages for people: `1.evidence.zip` of `1.zip`."""
    return path.with_suffix(f".evidence{path.suffix}")


class ArtifactError(Exception):
    """The artifact cannot be used. The message says what is wrong, where, what was found, and what to do."""


@dataclass(frozen=True)
class CheckedLoan:
    """A synthetic loan in the format of a request, and the probability of `risky` that training computed for it."""

    loan: Mapping[str, Any]
    probability: float


_short = reprlib.Repr()
_short.maxlevel = 4
_short.maxlist = _short.maxdict = 32
_short.maxstring = _short.maxother = _short.maxlong = 200


def shown(value: object) -> str:
    """Return the `repr` of a value for a message, shortened, so that a hostile artifact cannot fill the log."""
    return _short.repr(value)


def difference(found: Sequence[Any], expected: Sequence[Any]) -> str:
    """Describe the first difference between the features of an artifact and those of the code."""
    ours, theirs = next(
        ((mine, other) for mine, other in zip(expected, found, strict=False) if mine != other),
        (f"{len(expected)} features", f"{len(found)} features"),
    )
    return f"made for other features: the code has {shown(ours)}, the artifact {shown(theirs)}"
