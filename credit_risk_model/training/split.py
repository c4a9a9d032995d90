"""Which loans a model learns from, and which are held back, told by the loan itself."""

from hashlib import blake2b

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_risk_model.features import encode_frame

TEST_PERCENT = 20
VALIDATION_PERCENT = 16


def buckets(loans: pd.DataFrame) -> NDArray[np.int64]:
    """Return for each prepared loan a number from 0 to 99, evenly spread, that follows from its 16 features alone.

    Neither the order of the rows nor the loans around it matter, and loans that are alike never come to lie on both
    sides of a split.
    """
    # The bytes of a float depend on the machine's byte order unless it is named.
    rows = encode_frame(loans).astype("<f8")
    return np.array([int.from_bytes(blake2b(row.tobytes(), digest_size=8).digest()) % 100 for row in rows])


def held_back(loans: pd.DataFrame) -> NDArray[np.bool_]:
    """Return a mask of the test rows, 20 % of the loans: the figures of a model are measured on them, once."""
    return buckets(loans) < TEST_PERCENT


def for_validation(loans: pd.DataFrame) -> NDArray[np.bool_]:
    """Return a mask of the validation rows, 16 % of the loans and none of the test rows: decisions are made on them."""
    bucket = buckets(loans)
    return (bucket >= TEST_PERCENT) & (bucket < TEST_PERCENT + VALIDATION_PERCENT)
