"""Trains the LightGBM model: hyperparameters, fit, calibration and operating threshold."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from tqdm import tqdm

from credit_risk_model.artifact.library import lightgbm
from credit_risk_model.categories import CreditRisk
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.lending_club import STATUS
from credit_risk_model.lending_club_book import CURRENT, troubled_share
from credit_risk_model.training import split
from credit_risk_model.training.preparation import RISK
from credit_risk_model.training.views import LOAN_NUMBER

SEED = 42

# The result of the search for each model: the hyperparameters, and the trials that they were chosen from.
FOUND = {
    LOAN: Path(__file__).parent / "hyperparameters.json",
    ON_BOOK: Path(__file__).parent / "on_book_hyperparameters.json",
}

LIGHTGBM_DEFAULTS: dict[str, Any] = {"n_estimators": 100}

# The result of the article's search on the full file (20 minutes). FLAML's `log_max_bin` of 10 is a `max_bin` of 1,023.
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
    """No model can be trained on these loans."""


def found_hyperparameters(features: FeatureSet = LOAN) -> dict[str, Any]:
    """Return the hyperparameters that the search chose for the model with these features, or those kept instead.

    A person who keeps others adds them to the file of the search as `kept`, with a reason.
    """
    found = json.loads(FOUND[features].read_text())
    return dict(found.get("kept", found)["hyperparameters"])


def most_flagged() -> float:
    """Return the largest share of current loans that a threshold may call risky on the validation rows.

    This is twice the share of loans that are late or in grace among the published loans that are being paid.
    """
    return 2 * troubled_share()


class Learned(NamedTuple):
    """A trained model, its operating threshold, and the model that the threshold was chosen with."""

    threshold: float
    booster: lightgbm.Booster
    rehearsal: lightgbm.Booster


def learn(
    loans: pd.DataFrame,
    hyperparameters: dict[str, Any],
    features: FeatureSet = LOAN,
    *,
    refit: bool = True,
    progress: str | None = None,
) -> Learned:
    """Train a model on prepared loans, calibrate it and choose its threshold.

    Calibration and threshold are chosen on the validation rows, with a model that was trained on the other rows. With
    `refit`, the final model is trained on all rows; otherwise it is that first model.

    Raises:
        EstimatorError: the validation rows, or the other rows, are all safe or all risky.
    """
    unseen = split.for_validation(loans, features)
    check_classes(loans[~unseen], "to train on")
    check_classes(loans[unseen], "to choose the threshold on")
    risky = is_risky(loans[unseen])
    rehearsal = fit(loans[~unseen], hyperparameters, features, progress=progress and f"threshold of {progress}")
    line = calibration(risky, np.asarray(rehearsal.predict(loans.loc[unseen, features.names], raw_score=True)))
    calibrate(rehearsal, *line)
    threshold = choose_threshold(risky, probabilities(rehearsal, loans[unseen], features), is_current(loans[unseen]))
    if not refit:
        return Learned(threshold, rehearsal, rehearsal)
    booster = fit(loans, hyperparameters, features, progress=progress)
    calibrate(booster, *line)
    return Learned(threshold, booster, rehearsal)


def fit(
    loans: pd.DataFrame,
    hyperparameters: dict[str, Any],
    features: FeatureSet = LOAN,
    *,
    seed: int = SEED,
    progress: str | None = None,
) -> lightgbm.Booster:
    """Fit a model to prepared loans; it predicts the probability of `risky`.

    The classes are not reweighted, so that the predictions are probabilities; the threshold accounts for the imbalance.
    The same loans in the same order, hyperparameters and seed give the same model on any number of cores. `progress` is
    the caption of a progress bar over the trees.

    Raises:
        EstimatorError: the loans are all safe or all risky.
    """
    check_classes(loans, "to train on")
    parameters: dict[str, Any] = {
        "objective": "binary",
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    } | hyperparameters
    if features.monotone:
        parameters["monotone_constraints"] = [features.monotone.get(name, 0) for name in features.names]
    trees = parameters.pop("n_estimators")
    if coarse := parameters.pop("borrower_bins", None):
        # The coarse bins are so few that the model cannot recognise a loan by its many views.
        fine = parameters.pop("max_bin")
        parameters["max_bin_by_feature"] = [
            min(fine, feature.most_bins or fine) if feature.fine else coarse for feature in features.features
        ]
    with tqdm(total=trees, desc=progress, unit=" trees", disable=progress is None, mininterval=0.5) as bar:
        return lightgbm.train(
            parameters,
            lightgbm.Dataset(loans[features.names], label=is_risky(loans), weight=_weights(loans)),
            num_boost_round=trees,
            callbacks=[lambda _: bar.update() and None],
        )


def _weights(loans: pd.DataFrame) -> NDArray[np.float64] | None:
    """Return the weight of each row, shape (n,), or None if the loans have no numbers.

    Views of one loan are similar, so a loan with n views weighs the square root of n instead of n. In cross-validation
    on the book this raised the average precision without the age (0.342 to 0.365), and did not change it with the age.
    """
    if LOAN_NUMBER not in loans:
        return None
    views = loans.groupby(LOAN_NUMBER)[LOAN_NUMBER].transform("size")
    return np.asarray(1 / np.sqrt(views), dtype=np.float64)


def probabilities(booster: lightgbm.Booster, loans: pd.DataFrame, features: FeatureSet = LOAN) -> NDArray[np.float64]:
    """Return for each of `n` prepared loans the probability that it is risky, shape (n,)."""
    if loans.empty:  # LightGBM rejects an empty frame
        return np.empty(0)
    return np.asarray(booster.predict(loans[features.names]), dtype=np.float64)


def calibration(risky: NDArray[np.bool_], log_odds: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and intercept of the line from the log-odds of validation rows to calibrated log-odds.

    Source: Platt, Probabilistic outputs for support vector machines (1999).
    """
    line = LogisticRegression(C=np.inf).fit(log_odds[:, np.newaxis], risky)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def calibrate(booster: lightgbm.Booster, slope: float, intercept: float) -> None:
    """Change the values in the leaves, so that the log-odds become `slope` times the old ones plus `intercept`."""
    for tree, leaves in enumerate(booster.dump_model()["tree_info"]):
        for leaf in range(leaves["num_leaves"]):
            value = slope * booster.get_leaf_output(tree, leaf) + (intercept if tree == 0 else 0)
            booster.set_leaf_output(tree, leaf, value)


def is_risky(loans: pd.DataFrame) -> NDArray[np.bool_]:
    """Return the labels of `n` prepared loans, true for `risky`, shape (n,)."""
    return (loans[RISK] == CreditRisk.RISKY).to_numpy()


def is_current(loans: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which of `n` prepared loans are being paid on time, shape (n,); none of them without a status."""
    return (loans[STATUS] == CURRENT).to_numpy() if STATUS in loans else np.zeros(len(loans), dtype=np.bool_)


def check_classes(loans: pd.DataFrame, part: str) -> None:
    """Check that these loans have both classes. `part` names them in the message.

    Raises:
        EstimatorError: the loans are all safe or all risky.
    """
    risky = int(is_risky(loans).sum())
    if not 0 < risky < len(loans):
        raise EstimatorError(
            f"{risky} of the {len(loans)} loans {part} are risky; a model needs risky and safe loans. Use more loans."
        )


def choose_threshold(risky: NDArray[np.bool_], probability: NDArray[np.float64], current: NDArray[np.bool_]) -> float:
    """Return the threshold with the highest F1 of `risky`, and the higher threshold of two with equal F1.

    Thresholds that call more than `most_flagged()` of the current loans risky are excluded. All arrays have shape (n,).
    """
    precision, recall, thresholds = precision_recall_curve(risky, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    of_current = np.sort(probability[current])
    flagged = (len(of_current) - np.searchsorted(of_current, thresholds)) / max(len(of_current), 1)
    f1[:-1][flagged > most_flagged()] = 0
    # The last point of the curve, precision 1 at recall 0, has no threshold.
    best = len(thresholds) - 1 - int(np.argmax(f1[:-1][::-1]))
    return float(thresholds[best])
