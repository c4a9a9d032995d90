"""The synthetic loans that an artifact carries, so that a loaded model can show that it is the one that was trained."""

import lightgbm
import numpy as np
import pandas as pd
from numpy.random import Generator

from credit_risk_model.artifact import CheckedLoan
from credit_risk_model.feature_set import Feature, FeatureSet
from credit_risk_model.features import LOAN
from credit_risk_model.training import estimator

LOANS = 20
SEED = 14

_Value = int | float | str


def loans(features: FeatureSet = LOAN, seed: int = SEED) -> list[dict[str, _Value]]:
    """Return synthetic loans by the names of the request, the same for the same seed.

    The first has the minimum of every number, the second the maximum, the third is the example of the documentation;
    the numbers of the others are drawn between the limits. Every category is taken by one loan at least.
    """
    random = np.random.default_rng(seed)
    made = [
        {feature.field: _value(feature, number, random) for feature in features.features} for number in range(LOANS)
    ]
    return [*made[:2], dict(features.example), *made[3:]]


def scored(booster: lightgbm.Booster, features: FeatureSet = LOAN) -> list[CheckedLoan]:
    """Return the loans with the probabilities that the trained model gives them, from a data frame as in training."""
    made = loans(features)
    frame = pd.DataFrame(
        {
            feature.name: pd.Categorical(column, feature.categories) if feature.categories else column
            for feature in features.features
            for column in [[loan[feature.field] for loan in made]]
        }
    )
    probabilities = estimator.probabilities(booster, frame, features).tolist()
    return [CheckedLoan(loan, probability) for loan, probability in zip(made, probabilities, strict=True)]


def _value(feature: Feature, number: int, random: Generator) -> _Value:
    if feature.categories:
        return feature.categories[number % len(feature.categories)]
    low, high = feature.minimum or 0, feature.maximum or 0
    # Payments and incomes are mostly far below their maximum; without the power nearly every loan would be safe.
    drawn = (low, high)[number] if number < 2 else low + (high - low) * random.random() ** 8
    return round(drawn) if feature.type is int else round(float(drawn), 2)
