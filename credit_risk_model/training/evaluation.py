"""How good a model is on loans it has not seen, and what one prediction costs."""

import time
from collections.abc import Mapping

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    precision_recall_fscore_support,
    roc_auc_score,
)


def metrics(risky: NDArray[np.bool_], probability: NDArray[np.float64], threshold: float) -> dict[str, float]:
    """Return the figures of a model, with `risky` as the positive class.

    Accuracy, precision, recall and F1 belong to the threshold; the areas under the ROC curve and under the
    precision-recall curve (as average precision) do not.
    """
    predicted = probability >= threshold
    precision, recall, f1, _ = precision_recall_fscore_support(risky, predicted, average="binary", zero_division=0.0)
    return {
        "accuracy": float(accuracy_score(risky, predicted)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "roc_auc": float(roc_auc_score(risky, probability)),
        "average_precision": float(average_precision_score(risky, probability)),
    }


def seconds_per_loan(
    boosters: Mapping[str, lightgbm.Booster], rows: NDArray[np.float64], rounds: int = 5
) -> dict[str, float]:
    """Return for each model the median seconds that one thread takes to score one of `rows`, shape (n, 16).

    The models take turns, row by row, so that a machine that becomes slower does so for all of them.
    """
    taken: dict[str, list[float]] = {name: [] for name in boosters}
    for _ in range(rounds):
        for row in rows:
            for name, booster in boosters.items():
                start = time.perf_counter()
                booster.predict(row[np.newaxis], num_threads=1)
                taken[name].append(time.perf_counter() - start)
    return {name: float(np.median(seconds)) for name, seconds in taken.items()}
