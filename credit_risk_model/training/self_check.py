"""Creates the synthetic loans of an artifact, with which a loaded model checks that it computes what was trained."""

import numpy as np
import pandas as pd
from numpy.random import Generator

from credit_risk_model.artifact import CheckedLoan
from credit_risk_model.artifact.library import lightgbm
from credit_risk_model.feature_set import Feature, FeatureSet
from credit_risk_model.features import LOAN
from credit_risk_model.training import estimator

LOANS = 20
SEED = 14

_Value = int | float | str


def loans(features: FeatureSet = LOAN, seed: int = SEED) -> list[dict[str, _Value]]:
    """Return synthetic loans in the format of a request, the same for the same seed.

    The first loan has the minimum of every number, and the second the maximum. The third is the example of the
    documentation. The numbers of the others are drawn between the limits. Each category occurs in at least one loan.
    """
    random = np.random.default_rng(seed)
    made = [
        {feature.field: _value(feature, number, random) for feature in features.features} for number in range(LOANS)
    ]
    return [*made[:2], dict(features.example), *made[3:]]


def scored(booster: lightgbm.Booster, features: FeatureSet = LOAN) -> list[CheckedLoan]:
    """Return the loans with their probabilities, which the trained model computes from a data frame as in training."""
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
    # Most payments and incomes are far below their maximum. Without the power, nearly every loan would be safe.
    drawn = (low, high)[number] if number < 2 else low + (high - low) * random.random() ** 8
    return round(drawn) if feature.type is int else round(float(drawn), 2)
