"""Generates loans like those of the German credit data set (Hofmann, 1994), with the columns of its file."""

from pathlib import Path

import numpy as np
import pandas as pd

from credit_risk_model.categories import CheckingAccount, CreditPurpose, SavingsAccount

SEED = 3


def write(path: Path, rows: int, seed: int = SEED) -> None:
    """Write synthetic loans as CSV. The folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    loans(rows, seed).to_csv(path, index=False)


def loans(rows: int, seed: int = SEED) -> pd.DataFrame:
    """Return synthetic loans, whose risk follows from the accounts and the duration."""
    random = np.random.default_rng(seed)
    checking = random.integers(0, len(CheckingAccount), rows)
    savings = random.integers(0, len(SavingsAccount), rows)
    duration = random.integers(4, 73, rows)
    log_odds = np.array([0.5, 0.0, -1.5, -2.5])[checking] - 0.2 * savings + (duration - 30) / 15
    return pd.DataFrame(
        {
            "checking_status": np.array([*CheckingAccount])[checking],
            "duration": duration,
            "purpose": random.choice([*CreditPurpose], rows),
            "credit_amount": np.round(random.uniform(250, 18_424, rows)),
            "savings_status": np.array([*SavingsAccount])[savings],
            "age": random.integers(19, 76, rows),
            "class": np.where(random.random(rows) < 1 / (1 + np.exp(-log_odds)), "bad", "good"),
        }
    )
