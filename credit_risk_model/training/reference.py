"""The shares of training by bin, with which a service compares the loans that it gets and the answers that it gives."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from credit_risk_model.artifact import CLASSES
from credit_risk_model.feature_set import Feature, FeatureSet

BINS = 10

Shares = dict[str, float]


def shares(
    learning: pd.DataFrame, probability: NDArray[np.float64], threshold: float, features: FeatureSet
) -> dict[str, Any]:
    """Return the share of each label, and for each input and the score the share of each bin.

    The inputs are those of the rows that the model learned from. Labels and scores come from `probability`, the
    probabilities of the rows held out, because a model is too sure of the rows that it learned from.

    A bin of a number has its upper edge, which is included, as its name; the last one is `+Inf`. A bin of a category
    has the name of the category; `other` is for all the others.
    """
    risky = float(np.mean(probability >= threshold))
    values = {feature.field: _of_input(feature, learning[feature.name]) for feature in features.features}
    values["score"] = _of_numbers(probability, np.arange(1, BINS) / BINS)
    return {"labels": dict(zip(CLASSES, (1 - risky, risky), strict=True)), "values": values}


def _of_input(feature: Feature, column: "pd.Series[Any]") -> Shares:
    if feature.categories:
        found = column.value_counts(normalize=True)
        return {category: float(found.get(category, 0)) for category in [*feature.categories, "other"]}
    numbers = column.to_numpy(dtype=np.float64)
    deciles = np.quantile(numbers, np.arange(1, BINS) / BINS, method="inverted_cdf")  # values of the column
    return _of_numbers(numbers, np.unique(deciles))


def _of_numbers(numbers: NDArray[np.float64], edges: ArrayLike) -> Shares:
    names = [repr(edge).removesuffix(".0") for edge in np.asarray(edges).tolist()] + ["+Inf"]
    counts = np.bincount(np.searchsorted(edges, numbers), minlength=len(names))
    return dict(zip(names, (counts / len(numbers)).tolist(), strict=True))
