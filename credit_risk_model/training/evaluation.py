"""Measures a model on loans that it was not trained on."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    classification_report,
    confusion_matrix,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)
from tqdm import tqdm

from credit_risk_model.artifact.library import lightgbm
from credit_risk_model.categories import CreditRisk
from credit_risk_model.lending_club import GROUPS
from credit_risk_model.training.estimator import is_current, is_risky
from credit_risk_model.training.views import LOAN_NUMBER

RESAMPLES = 500
_POINTS = 200
_BINS = 10


def metrics(risky: NDArray[np.bool_], probability: NDArray[np.float64], threshold: float) -> dict[str, float]:
    """Return the figures of a model, with `risky` as the positive class.

    Accuracy, precision, recall and F1 depend on the threshold. The areas under the ROC curve and under the
    precision-recall curve (average precision), and the calibration error, do not.
    """
    return by_label(risky, probability >= threshold) | by_score(risky, probability)


def by_label(risky: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> dict[str, float]:
    """Return the figures that need no more than the answers."""
    precision, recall, f1, _ = precision_recall_fscore_support(risky, predicted, average="binary", zero_division=0.0)
    return {
        "accuracy": float(accuracy_score(risky, predicted)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
    }


def by_score(risky: NDArray[np.bool_], probability: NDArray[np.float64]) -> dict[str, float]:
    """Return the figures of the probabilities, where both classes are there to be ranked."""
    return {
        "roc_auc": float(roc_auc_score(risky, probability)),
        "average_precision": float(average_precision_score(risky, probability)),
        "calibration_error": calibration_error(risky, probability),
    }


def calibration_error(risky: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """Return the expected calibration error over ten bins of equal width.

    Source: Guo and others, On calibration of modern neural networks (2017).
    """
    bins = calibration(risky, probability)
    return sum(found["loans"] * abs(found["predicted"] - found["observed"]) for found in bins) / len(risky)


def population(loans: pd.DataFrame, probability: NDArray[np.float64], threshold: float) -> dict[str, float]:
    """Return the figures of a model on one population: its metrics, and shares of all its predictions."""
    risky = is_risky(loans)
    return metrics(risky, probability, threshold) | {
        "loans": len(loans),
        "risky_share": float(risky.mean()),
        "mean_probability": float(probability.mean()),
        "current_flagged": flagged_of_current(loans, probability, threshold),
    }


def flagged_of_current(loans: pd.DataFrame, probability: NDArray[np.float64], threshold: float) -> float:
    """Return the share of the current loans that are called risky, or 0 without current loans."""
    current = is_current(loans)
    return float((probability[current] >= threshold).mean()) if current.any() else 0.0


def evaluate(
    loans: pd.DataFrame,
    probability: NDArray[np.float64],
    threshold: float,
    booster: lightgbm.Booster,
    *,
    groups: Mapping[str, str] = GROUPS,
    seed: int = 42,
    progress: bool = False,
) -> dict[str, Any]:
    """Return the content of `evaluation.json`: all figures of the model on `n` held-out loans.

    `probability` has shape (n,). The loans are grouped by the values of the columns of `groups`. Without loan
    numbers, each row is another loan. Curves are thinned to 200 points.
    """
    risky = is_risky(loans)
    predicted = probability >= threshold
    names = [CreditRisk.SAFE.value, CreditRisk.RISKY.value]
    number = loans[LOAN_NUMBER].to_numpy() if LOAN_NUMBER in loans else np.arange(len(loans))
    importance = {kind: booster.feature_importance(kind) for kind in ("gain", "split")}
    return {
        "loans": len(loans),
        "risky": int(risky.sum()),
        "threshold": threshold,
        "metrics": metrics(risky, probability, threshold),
        "current_flagged": flagged_of_current(loans, probability, threshold),
        "intervals": intervals(risky, probability, threshold, number, seed=seed, progress=progress),
        "brier_score": float(brier_score_loss(risky, probability)),
        "classification_report": classification_report(
            risky, predicted, target_names=names, output_dict=True, zero_division=0.0
        ),
        "roc": _thinned(*roc_curve(risky, probability)[:2], names=("false_positive_rate", "true_positive_rate")),
        "precision_recall": _thinned(
            *(curve[::-1] for curve in precision_recall_curve(risky, probability)[:2]), names=("precision", "recall")
        ),
        "calibration": calibration(risky, probability),
        "confusion": [
            {"threshold": float(at)} | _confusion(risky, probability >= at)
            for at in sorted({*np.round(np.arange(0.05, 1.0, 0.05), 2), threshold})
        ],
        "importance": {
            name: {kind: float(values[position] / values.sum()) for kind, values in importance.items()}
            for position, name in enumerate(booster.feature_name())
        },
        "groups": {title: by_group(loans, column, probability, threshold) for title, column in groups.items()},
    }


def intervals(
    risky: NDArray[np.bool_],
    probability: NDArray[np.float64],
    threshold: float,
    loan: NDArray[np.int64],
    *,
    seed: int = 42,
    progress: bool = False,
) -> dict[str, list[float]]:
    """Return the 95 % interval of each figure: percentiles over resamples of the loans with replacement.

    `loan`, of shape (n,), is the number of the loan of each row. A loan is drawn with all its views.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    random = np.random.default_rng(seed)
    drawn = []
    order = np.argsort(loan, kind="stable")
    views = np.split(order, np.flatnonzero(np.diff(loan[order])) + 1)
    with tqdm(range(RESAMPLES), desc="bootstrap", disable=not progress) as resamples:
        for _ in resamples:
            rows = np.concatenate([views[number] for number in random.integers(0, len(views), len(views))])
            # The areas need both classes. Only very small samples lack one.
            if 0 < risky[rows].sum() < len(rows):
                drawn.append(metrics(risky[rows], probability[rows], threshold))
    return {name: [float(v) for v in np.percentile([d[name] for d in drawn], [2.5, 97.5])] for name in drawn[0]}


def seconds_per_loan(
    boosters: Mapping[str, lightgbm.Booster],
    rows: NDArray[np.float64],
    rounds: int = 5,
    *,
    reasons: bool = False,
) -> dict[str, float]:
    """Return for each model the median CPU time in seconds that one of `rows`, shape (n, features), takes on a thread.

    With `reasons`, this is the time of the contributions of the features. The models are timed in turn, so that a
    change in the speed of the machine affects all of them.
    """
    taken: dict[str, list[float]] = {name: [] for name in boosters}
    for _ in range(rounds):
        for name, booster in boosters.items():
            start = time.thread_time()
            booster.predict(rows, num_threads=1, pred_contrib=reasons)
            taken[name].append((time.thread_time() - start) / len(rows))
    return {name: float(np.median(seconds)) for name, seconds in taken.items()}


def _thinned(*curves: NDArray[np.float64], names: tuple[str, ...]) -> dict[str, list[float]]:
    keep = np.unique(np.linspace(0, len(curves[0]) - 1, _POINTS).astype(int))
    return {name: [float(value) for value in curve[keep]] for name, curve in zip(names, curves, strict=True)}


def calibration(risky: NDArray[np.bool_], probability: NDArray[np.float64]) -> list[dict[str, float]]:
    """Return for each bin that has loans how many it has, their mean probability, and the share that became risky."""
    # Bins of equal width. Most loans are clearly safe, and nearly all bins of equal size would contain only these.
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    return [
        {
            "loans": int((bins == number).sum()),
            "predicted": float(probability[bins == number].mean()),
            "observed": float(risky[bins == number].mean()),
        }
        for number in np.unique(bins)
    ]


def _confusion(risky: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> dict[str, int]:
    (true_safe, false_risky), (false_safe, true_risky) = confusion_matrix(risky, predicted, labels=[False, True])
    return {
        "true_risky": int(true_risky),
        "false_risky": int(false_risky),
        "false_safe": int(false_safe),
        "true_safe": int(true_safe),
    }


def by_group(
    loans: pd.DataFrame, column: str, probability: NDArray[np.float64], threshold: float
) -> list[dict[str, Any]]:
    """Return for each value of a column the numbers of all, of risky and of flagged rows, and the metrics."""
    risky = is_risky(loans)
    found = []
    for value in sorted(loans[column].dropna().unique()):
        rows = (loans[column] == value).to_numpy()
        both = 0 < risky[rows].sum() < rows.sum()
        found.append(
            {
                "group": str(int(value)) if isinstance(value, float) else str(value).strip(),
                "loans": int(rows.sum()),
                "risky": int(risky[rows].sum()),
                "flagged": int((probability[rows] >= threshold).sum()),
                # The metrics need both classes.
                "metrics": metrics(risky[rows], probability[rows], threshold) if both else None,
            }
        )
    return found
