"""The values that the categorical inputs and the answer of the model can take."""

from enum import StrEnum


class CheckingAccount(StrEnum):
    """Balance of the checking account in DM."""

    OVERDRAWN = "<0"
    LOW = "0<=X<200"
    HIGH = ">=200"
    NONE = "no checking"


class SavingsAccount(StrEnum):
    """Balance of the savings account in DM."""

    BELOW_100 = "<100"
    BELOW_500 = "100<=X<500"
    BELOW_1000 = "500<=X<1000"
    HIGH = ">=1000"
    UNKNOWN = "no known savings"


class CreditPurpose(StrEnum):
    """The purpose of the loan."""

    NEW_CAR = "new car"
    USED_CAR = "used car"
    FURNITURE = "furniture/equipment"
    RADIO_TV = "radio/tv"
    APPLIANCE = "domestic appliance"
    REPAIRS = "repairs"
    EDUCATION = "education"
    VACATION = "vacation"
    RETRAINING = "retraining"
    BUSINESS = "business"
    OTHER = "other"


class CreditRisk(StrEnum):
    """The two classes of the model; `risky` is the positive one."""

    SAFE = "safe"
    RISKY = "risky"
