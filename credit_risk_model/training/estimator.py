"""The LightGBM model: its hyperparameters, its fit, its operating threshold."""

import json
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve
from tqdm import tqdm

from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import FEATURE_NAMES
from credit_risk_model.training.preparation import RISK

SEED = 42

# What the search found: its hyperparameters, and the trials they were chosen from.
FOUND = Path(__file__).parent / "hyperparameters.json"

LIGHTGBM_DEFAULTS: dict[str, Any] = {"n_estimators": 100}

# What the article's search of 20 minutes found on the full file. FLAML's `log_max_bin` of 10 is a `max_bin` of 1,023.
ARTICLE: dict[str, Any] = {
    "n_estimators": 10_707,
    "num_leaves": 7,
    "min_child_samples": 62,
    "learning_rate": 0.24185440044608203,
    "max_bin": 1023,
    "colsample_bytree": 0.9914098492087268,
    "reg_alpha": 2.551067627605118,
    "reg_lambda": 0.0010846951681516895,
}


class EstimatorError(Exception):
    """Loans that no model can be fitted to."""


def found_hyperparameters() -> dict[str, Any]:
    """Return the hyperparameters that the search found."""
    return dict(json.loads(FOUND.read_text())["hyperparameters"])


def fit(
    loans: pd.DataFrame,
    hyperparameters: dict[str, Any],
    *,
    seed: int = SEED,
    progress: str | None = None,
) -> lightgbm.Booster:
    """Fit a model to prepared loans; it predicts the probability of `risky`.

    The classes are left in the proportion they have, so that probabilities stay probabilities; the threshold answers
    for the imbalance. The same loans in the same order, hyperparameters and seed give the same model, whatever the
    number of cores. `progress` is the caption of a progress bar over the trees.

    Raises:
        EstimatorError: the loans are all safe or all risky.
    """
    check_classes(loans, "to learn from")
    parameters: dict[str, Any] = {
        "objective": "binary",
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    } | hyperparameters
    trees = parameters.pop("n_estimators")
    with tqdm(total=trees, desc=progress, unit=" trees", disable=progress is None, mininterval=0.5) as bar:
        return lightgbm.train(
            parameters,
            lightgbm.Dataset(loans[FEATURE_NAMES], label=is_risky(loans)),
            num_boost_round=trees,
            callbacks=[lambda _: bar.update() and None],
        )


def probabilities(booster: lightgbm.Booster, loans: pd.DataFrame) -> NDArray[np.float64]:
    """Return for each of `n` prepared loans the probability that it is risky, shape (n,)."""
    return np.asarray(booster.predict(loans[FEATURE_NAMES]), dtype=np.float64)


def is_risky(loans: pd.DataFrame) -> NDArray[np.bool_]:
    """Return the labels of `n` prepared loans, true for `risky`, shape (n,)."""
    return (loans[RISK] == CreditRisk.RISKY).to_numpy()


def check_classes(loans: pd.DataFrame, part: str) -> None:
    """Make sure that a part of the loans has both classes.

    Raises:
        EstimatorError: it has not; the error names the part.
    """
    risky = int(is_risky(loans).sum())
    if not 0 < risky < len(loans):
        raise EstimatorError(
            f"{risky} of the {len(loans)} loans {part} are risky; a model needs risky and safe ones. Give more loans."
        )


def choose_threshold(risky: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """Return the operating threshold at which F1 of `risky` is highest; equal scores go to the higher threshold."""
    precision, recall, thresholds = precision_recall_curve(risky, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    # The curve's last point, precision 1 at recall 0, has no threshold.
    best = len(thresholds) - 1 - int(np.argmax(f1[:-1][::-1]))
    return float(thresholds[best])
