"""Features and loans like those of the German credit data set (Hofmann, 1994). The loans are synthetic."""

from enum import StrEnum

import numpy as np
import pandas as pd

from credit_risk_model.categories import CreditRisk
from credit_risk_model.feature_set import Feature, FeatureSet
from credit_risk_model.training.preparation import RISK


class CheckingAccount(StrEnum):
    NONE = "no checking account"
    OVERDRAWN = "below 0 DM"
    LOW = "0 to 200 DM"
    HIGH = "at least 200 DM"


class CreditPurpose(StrEnum):
    CAR = "car"
    FURNITURE = "furniture"
    EDUCATION = "education"
    BUSINESS = "business"


FEATURES = (
    Feature(
        field="checking_account",
        name="CheckingAccount",
        column="status",
        type=CheckingAccount,
        description="Balance of the checking account.",
        example="0 to 200 DM",
    ),
    Feature(
        field="duration",
        name="Duration",
        column="duration",
        type=int,
        minimum=4,
        maximum=72,
        description="Duration of the loan in months.",
        example=24,
        fine=True,
    ),
    Feature(
        field="credit_amount",
        name="CreditAmount",
        column="amount",
        type=float,
        minimum=250.0,
        maximum=18_424.0,
        description="Amount of the loan in DM.",
        example=3_200.0,
        fine=True,
    ),
    Feature(
        field="credit_purpose",
        name="CreditPurpose",
        column="purpose",
        type=CreditPurpose,
        description="The purpose of the loan.",
        example="car",
    ),
    Feature(
        field="age",
        name="Age",
        column="age",
        type=int,
        minimum=19,
        maximum=75,
        description="Age of the borrower in years.",
        example=35,
    ),
)
GERMAN = FeatureSet(FEATURES, monotone={"Duration": 1})
HYPERPARAMETERS = {
    "n_estimators": 60,
    "num_leaves": 7,
    "learning_rate": 0.1,
    "min_child_samples": 10,
    "max_bin": 63,
    "borrower_bins": 8,
}


def loans(rows: int, seed: int = 3) -> pd.DataFrame:
    """Return synthetic prepared loans: the features, and a risk that follows from the account and the duration."""
    random = np.random.default_rng(seed)
    account = random.integers(0, len(CheckingAccount), rows)
    duration = random.integers(4, 73, rows)
    log_odds = np.array([-2.5, 0.5, 0.0, -1.5])[account] + (duration - 30) / 15
    risky = random.random(rows) < 1 / (1 + np.exp(-log_odds))
    return pd.DataFrame(
        {
            "CheckingAccount": pd.Categorical(np.array([*CheckingAccount])[account], [*CheckingAccount]),
            "Duration": duration.astype(float),
            "CreditAmount": np.round(random.uniform(250, 18_424, rows)),
            "CreditPurpose": pd.Categorical(random.choice([*CreditPurpose], rows), [*CreditPurpose]),
            "Age": random.integers(19, 76, rows).astype(float),
            RISK: pd.Categorical(np.where(risky, CreditRisk.RISKY, CreditRisk.SAFE), [*CreditRisk]),
        }
    )
