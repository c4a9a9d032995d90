"""The figures of one model: how good its answers were, and how far the values of each period are from a reference."""

from typing import Any

import pandas as pd

from credit_risk_model.monitoring.drift import FEWEST, Bins, shares
from credit_risk_model.monitoring.join import INPUT, LABEL, OUTCOME, PERIOD, SCORE
from credit_risk_model.monitoring.references import Reference
from credit_risk_model.training import evaluation

TRAINING = "training"


def summarise(predictions: pd.DataFrame, training: Reference | None = None) -> dict[str, Any]:
    """Return the figures of the predictions of one model, as `Joined` has them: of all together, and of each period.

    The reference of the PSI is `training`, or else the first period with 1,000 predictions. The PSI of a period with
    fewer predictions is null.
    """
    periods = dict(iter(predictions.groupby(PERIOD)))
    reference = TRAINING if training else next((name for name, rows in periods.items() if len(rows) >= FEWEST), None)
    inputs = [name for name in predictions.columns if name.startswith(INPUT)]
    values = {name.removeprefix(INPUT): name for name in [SCORE, *inputs] if predictions[name].notna().any()}
    if training:
        bins = {values[name]: Bins(expected) for name, expected in training.items() if name in values}
    else:
        bins = {name: Bins(shares(periods[reference][name])) for name in values.values()} if reference else {}
    return {
        **_figures(predictions),
        "calibration": _calibration(predictions),
        "reference": reference,
        "periods": [{"period": period, **_figures(rows), "psi": _psi(rows, bins)} for period, rows in periods.items()],
    }


def _figures(predictions: pd.DataFrame) -> dict[str, Any]:
    known = predictions[predictions[OUTCOME].notna()]
    risky = known[OUTCOME].to_numpy() == 1
    return {
        "predictions": len(predictions),
        "answered_risky": float(predictions[LABEL].mean()),
        "mean_score": float(predictions[SCORE].mean()) if predictions[SCORE].notna().any() else None,
        "with_outcome": len(known),
        "became_risky": float(risky.mean()) if len(known) else None,
        "metrics": (evaluation.by_label(risky, known[LABEL].to_numpy()) if len(known) else {}) | _by_score(known),
    }


def _by_score(known: pd.DataFrame) -> dict[str, float]:
    scored = known[known[SCORE].notna()]
    risky = scored[OUTCOME].to_numpy() == 1
    return evaluation.by_score(risky, scored[SCORE].to_numpy()) if 0 < risky.sum() < len(risky) else {}


def _calibration(predictions: pd.DataFrame) -> list[dict[str, float]]:
    scored = predictions[predictions[OUTCOME].notna() & predictions[SCORE].notna()]
    return evaluation.calibration(scored[OUTCOME].to_numpy() == 1, scored[SCORE].to_numpy())


def _psi(rows: pd.DataFrame, bins: dict[str, Bins]) -> dict[str, float] | None:
    if len(rows) < FEWEST or not bins:
        return None
    return {name.removeprefix(INPUT): each.psi(rows[name]) for name, each in bins.items()}
