"""Joins the predictions with the outcomes of their loans."""

from collections import Counter, defaultdict
from datetime import UTC
from sys import intern
from typing import Any

import pandas as pd

from credit_risk_model.categories import CreditRisk
from credit_risk_model.monitoring.outcomes import Outcomes
from credit_risk_model.monitoring.prediction_log import Prediction, PredictionLog

PERIODS = {"week": "%G-W%V", "month": "%Y-%m", "year": "%Y"}
PERIOD, LABEL, SCORE, OUTCOME = "period", "answered risky", "score", "became risky"
INPUT = "input "  # starts the names of the inputs, which have any name
_CHUNK = 10_000


class Joined:
    """The predictions of each model as a data frame, a row for each loan that was scored.

    `OUTCOME` is 1 or 0, or missing where the outcome is not known.
    """

    def __init__(self, log: PredictionLog, outcomes: Outcomes, period: str) -> None:
        """Read the log.

        Raises:
            LoanFileError: a compressed file of the log is damaged.
            OSError: a file of the log cannot be read.
        """
        self.versions: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        """How many predictions each version of a model has made, with the digest of its artifact."""
        self.example = ""
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        chunks: dict[str, list[pd.DataFrame]] = defaultdict(list)
        for prediction in log:
            self.example = self.example or prediction.request_id
            model = prediction.model
            self.versions[model][prediction.model_version, prediction.artifact_digest] += 1
            rows[model].append(_row(prediction, outcomes.of(prediction), PERIODS[period]))
            if len(rows[model]) == _CHUNK:
                chunks[model].append(_frame(rows.pop(model)))
        for model, left in rows.items():
            chunks[model].append(_frame(left))
        self.models = {model: _joined(chunks[model]) for model in sorted(chunks)}

    @property
    def matched(self) -> int:
        """The number of predictions whose outcome is known."""
        return sum(int(frame[OUTCOME].notna().sum()) for frame in self.models.values())


def _row(prediction: Prediction, risk: CreditRisk | None, period: str) -> dict[str, Any]:
    inputs = {
        INPUT + name: intern(value) if isinstance(value, str) else value for name, value in prediction.inputs.items()
    }
    return {
        PERIOD: intern(prediction.time.astimezone(UTC).strftime(period)),
        LABEL: prediction.label is CreditRisk.RISKY,
        SCORE: prediction.score,
        OUTCOME: None if risk is None else float(risk is CreditRisk.RISKY),
        **inputs,
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).dropna(axis="columns", how="all")  # pandas would join columns without a type as texts


def _joined(chunks: list[pd.DataFrame]) -> pd.DataFrame:
    frame = pd.concat(chunks, ignore_index=True)
    return frame.reindex(columns=frame.columns.union([SCORE, OUTCOME], sort=False))
