"""The facts about the German credit data set that the code needs, in addition to the inputs of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from credit_risk_model.categories import CreditRisk

if TYPE_CHECKING:
    import pandas as pd

LENDER = "German credit"

STATUS = "class"
RISK_OF_STATUS = {"good": CreditRisk.SAFE, "bad": CreditRisk.RISKY}
RISK_MEANING = "risky if the data set calls the loan bad; otherwise safe"

NUMBERS: tuple[str, ...] = ()
MONTHS: dict[str, str] = {}
MAY_BE_NULL: tuple[str, ...] = ()

PER_CENT: tuple[str, ...] = ()
COUNTED: dict[str, Callable[[str], str | None]] = {}
NOT_TRAINED_ON: dict[str, tuple[str, ...]] = {}

FILTERS: list[tuple[str, Callable[[pd.DataFrame], pd.Series[bool]]]] = []

GROUPS: dict[str, str] = {"purpose": "CreditPurpose", "checking account": "CheckingAccount"}
