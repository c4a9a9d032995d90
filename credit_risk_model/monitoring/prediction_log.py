"""Reads the log of the predictions: JSON Lines, one object per loan."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from credit_risk_model.categories import CreditRisk
from credit_risk_model.loan_files.compression import compression, opened
from credit_risk_model.monitoring.skipped import Skipped


class Prediction(BaseModel):
    """One line: the answer to one loan. `index` is the position of the loan in a batch."""

    time: AwareDatetime
    request_id: str
    model: str
    model_version: str = ""
    artifact_digest: str = ""
    index: int | None = None
    inputs: dict[str, Any] = {}
    score: float | None = Field(default=None, ge=0, le=1)
    label: CreditRisk


class PredictionLog:
    """The lines of one or more files, which may be compressed. They are read one after the other."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self.lines = 0
        self.skipped = Skipped()

    def __iter__(self) -> Iterator[Prediction]:
        """Yield the predictions, and count the lines that are not predictions.

        Raises:
            LoanFileError: a compressed file is damaged.
            OSError: a file cannot be read.
        """
        for path in self._paths:
            with opened(path, compression(path)) as (file, _), io.BufferedReader(file) as lines:
                for number, line in enumerate(lines, 1):
                    if not line.strip():
                        continue
                    self.lines += 1
                    try:
                        yield Prediction.model_validate_json(line)
                    except ValidationError as error:
                        self.skipped.add(_reason(error), f"{path.name}:{number}")


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "not JSON"
    return f"{'.'.join(map(str, first['loc'])) or 'line'}: {first['msg']}"
