"""Which loans a model learns from, and which are held out, chosen by a hash of the loan."""

from hashlib import blake2b

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import CHANGING, LOAN

TEST_PERCENT = 20
VALIDATION_PERCENT = 16

_AT_ISSUE = FeatureSet([feature for feature in LOAN.features if feature.name not in CHANGING])


def buckets(loans: pd.DataFrame) -> NDArray[np.int64]:
    """Return for each prepared loan a number from 0 to 99, evenly spread, that follows from its features at issue.

    Neither the order of the rows nor the loans around it matter. All views of a loan, and loans that are alike, lie on
    one side of a split.
    """
    # The bytes of a float depend on the machine's byte order unless it is named.
    rows = _AT_ISSUE.encode_frame(loans).astype("<f8")
    return np.array([int.from_bytes(blake2b(row.tobytes(), digest_size=8).digest()) % 100 for row in rows])


def held_back(loans: pd.DataFrame) -> NDArray[np.bool_]:
    """Return a mask of the test rows, 20 % of the loans: the figures of a model are measured on them, once."""
    return buckets(loans) < TEST_PERCENT


def for_validation(loans: pd.DataFrame) -> NDArray[np.bool_]:
    """Return a mask of the validation rows, 16 % of the loans and none of the test rows: decisions are made on them."""
    bucket = buckets(loans)
    return (bucket >= TEST_PERCENT) & (bucket < TEST_PERCENT + VALIDATION_PERCENT)
