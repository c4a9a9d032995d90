"""Splits the loans into rows for training, for validation and for the test, by a hash of each loan."""

from hashlib import blake2b

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN

TEST_PERCENT = 20
VALIDATION_PERCENT = 16


def buckets(loans: pd.DataFrame, features: FeatureSet = LOAN) -> NDArray[np.int64]:
    """Return for each prepared loan an evenly distributed number from 0 to 99, a hash of its features at issue.

    The number does not depend on the order of the rows or on other loans. All views of a loan, and all loans with equal
    features, are on the same side of a split.
    """
    # Name the byte order, so that all machines compute the same hash.
    rows = features.at_issue().encode_frame(loans).astype("<f8")
    return np.array([int.from_bytes(blake2b(row.tobytes(), digest_size=8).digest()) % 100 for row in rows])


def held_back(loans: pd.DataFrame, features: FeatureSet = LOAN) -> NDArray[np.bool_]:
    """Return a mask of the test rows, 20 % of the loans. The figures of the finished model are measured on them."""
    return buckets(loans, features) < TEST_PERCENT


def for_validation(loans: pd.DataFrame, features: FeatureSet = LOAN) -> NDArray[np.bool_]:
    """Return a mask of the validation rows, 16 % of the loans: calibration and threshold are chosen on them."""
    bucket = buckets(loans, features)
    return (bucket >= TEST_PERCENT) & (bucket < TEST_PERCENT + VALIDATION_PERCENT)
