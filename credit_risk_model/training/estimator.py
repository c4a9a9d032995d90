"""The LightGBM model: its hyperparameters, its fit, its calibration, its operating threshold."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from tqdm import tqdm

from credit_risk_model.categories import CreditRisk
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.training import book, split
from credit_risk_model.training.dataset import STATUS
from credit_risk_model.training.preparation import RISK
from credit_risk_model.training.views import LOAN_NUMBER

SEED = 42

# What the search found for each model: its hyperparameters, and the trials they were chosen from.
FOUND = {
    LOAN: Path(__file__).parent / "hyperparameters.json",
    ON_BOOK: Path(__file__).parent / "on_book_hyperparameters.json",
}

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


# With the age known, a loan that has paid more is not riskier. Without it, the payments also tell the age.
_MONOTONE = {ON_BOOK: {"TotalPaymentsToDate": -1, "InterestRate": 1}}

# The model sees these in `max_bin` bins, and what is known of the borrower in `borrower_bins`, too few to recognise a
# loan that has many views. Lending Club changed its interest rates every few months, and the data lacks many months. An
# exact rate would reveal the month of issue, and the model would call the rates of the missing months risky.
_AMOUNTS = ("LastPaymentAmount", "TotalPaymentsToDate", "LoanAmount", "MonthsSinceIssue")
_RATE, _RATE_BINS = "InterestRate", 64


class EstimatorError(Exception):
    """Loans that no model can be fitted to."""


def found_hyperparameters(features: FeatureSet = LOAN) -> dict[str, Any]:
    """Return the hyperparameters that the search found for the model with these inputs."""
    return dict(json.loads(FOUND[features].read_text())["hyperparameters"])


def most_flagged() -> float:
    """Return the largest share of current loans that a threshold may call risky, on the rows that it is chosen on.

    This is twice the share of loans in grace or late among those that are being paid, as published.
    """
    return 2 * book.troubled_share()


class Learned(NamedTuple):
    """A model, its operating threshold, and the model that the threshold was chosen with."""

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
    """Return a calibrated model and its threshold.

    Calibration and threshold are chosen on the validation rows, with a model that has not seen them. With `refit`, the
    model that is kept learns from those rows too; otherwise it is the same.

    Raises:
        EstimatorError: the rows to fit to, or the validation rows, are all safe or all risky.
    """
    unseen = split.for_validation(loans)
    check_classes(loans[~unseen], "to fit to")
    check_classes(loans[unseen], "to choose the threshold on")
    risky = is_risky(loans[unseen])
    rehearsal = fit(loans[~unseen], hyperparameters, features, progress=progress and f"threshold of the {progress}")
    line = calibration(risky, np.asarray(rehearsal.predict(loans.loc[unseen, features.names], raw_score=True)))
    calibrate(rehearsal, *line)
    current = (loans.loc[unseen, STATUS] == "Current").to_numpy()
    threshold = choose_threshold(risky, probabilities(rehearsal, loans[unseen], features), current)
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
    if constraints := _MONOTONE.get(features):
        parameters["monotone_constraints"] = [constraints.get(name, 0) for name in features.names]
    trees = parameters.pop("n_estimators")
    if coarse := parameters.pop("borrower_bins", None):
        fine = parameters.pop("max_bin")
        bins = dict.fromkeys(_AMOUNTS, fine) | {_RATE: min(fine, _RATE_BINS)}
        parameters["max_bin_by_feature"] = [bins.get(name, coarse) for name in features.names]
    with tqdm(total=trees, desc=progress, unit=" trees", disable=progress is None, mininterval=0.5) as bar:
        return lightgbm.train(
            parameters,
            lightgbm.Dataset(loans[features.names], label=is_risky(loans), weight=_weights(loans)),
            num_boost_round=trees,
            callbacks=[lambda _: bar.update() and None],
        )


def _weights(loans: pd.DataFrame) -> NDArray[np.float64] | None:
    """Return the weight of each row, shape (n,), or None where it is not known which loans the rows are of.

    Views of one loan look much alike, so a loan with n views weighs the square root of n and not n. In cross-validation
    on the book this raised the average precision without the age (0.342 to 0.365), and did not change it with the age.
    """
    if LOAN_NUMBER not in loans:
        return None
    views = loans.groupby(LOAN_NUMBER)[LOAN_NUMBER].transform("size")
    return np.asarray(1 / np.sqrt(views), dtype=np.float64)


def probabilities(booster: lightgbm.Booster, loans: pd.DataFrame, features: FeatureSet = LOAN) -> NDArray[np.float64]:
    """Return for each of `n` prepared loans the probability that it is risky, shape (n,)."""
    if loans.empty:  # which LightGBM refuses
        return np.empty(0)
    return np.asarray(booster.predict(loans[features.names]), dtype=np.float64)


def calibration(risky: NDArray[np.bool_], log_odds: NDArray[np.float64]) -> tuple[float, float]:
    """Return the slope and the intercept that make log-odds of loans not seen in training fit what came true.

    Source: Platt, Probabilistic outputs for support vector machines (1999).
    """
    line = LogisticRegression(C=np.inf).fit(log_odds[:, np.newaxis], risky)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def calibrate(booster: lightgbm.Booster, slope: float, intercept: float) -> None:
    """Have the model answer `slope` times its log-odds plus `intercept`, by changing the values in its leaves."""
    for tree, leaves in enumerate(booster.dump_model()["tree_info"]):
        for leaf in range(leaves["num_leaves"]):
            value = slope * booster.get_leaf_output(tree, leaf) + (intercept if tree == 0 else 0)
            booster.set_leaf_output(tree, leaf, value)


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


def choose_threshold(risky: NDArray[np.bool_], probability: NDArray[np.float64], current: NDArray[np.bool_]) -> float:
    """Return the operating threshold at which F1 of `risky` is highest; equal scores go to the higher threshold.

    Thresholds that call more than `most_flagged()` of the current loans risky are left out. All arrays have the shape
    (n,).
    """
    precision, recall, thresholds = precision_recall_curve(risky, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    of_current = np.sort(probability[current])
    flagged = (len(of_current) - np.searchsorted(of_current, thresholds)) / max(len(of_current), 1)
    f1[:-1][flagged > most_flagged()] = 0
    # The curve's last point, precision 1 at recall 0, has no threshold.
    best = len(thresholds) - 1 - int(np.argmax(f1[:-1][::-1]))
    return float(thresholds[best])
