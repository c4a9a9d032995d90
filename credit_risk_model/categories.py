"""The values that the categorical inputs and the answer of the model can take."""

from enum import StrEnum


class EmploymentLength(StrEnum):
    """Full years of employment at the time of the application."""

    LESS_THAN_1_YEAR = "< 1 year"
    ONE_YEAR = "1 year"
    TWO_YEARS = "2 years"
    THREE_YEARS = "3 years"
    FOUR_YEARS = "4 years"
    FIVE_YEARS = "5 years"
    SIX_YEARS = "6 years"
    SEVEN_YEARS = "7 years"
    EIGHT_YEARS = "8 years"
    NINE_YEARS = "9 years"
    TEN_YEARS_OR_MORE = "10+ years"


class HomeOwnership(StrEnum):
    """Whether the borrower's home is mortgaged, rented, or owned without a mortgage."""

    MORTGAGE = "MORTGAGE"
    RENT = "RENT"
    OWN = "OWN"


class LoanPurpose(StrEnum):
    """The purpose of the loan, from Lending Club's list."""

    CAR = "car"
    CREDIT_CARD = "credit_card"
    DEBT_CONSOLIDATION = "debt_consolidation"
    EDUCATIONAL = "educational"
    HOME_IMPROVEMENT = "home_improvement"
    HOUSE = "house"
    MAJOR_PURCHASE = "major_purchase"
    MEDICAL = "medical"
    MOVING = "moving"
    OTHER = "other"
    RENEWABLE_ENERGY = "renewable_energy"
    SMALL_BUSINESS = "small_business"
    VACATION = "vacation"
    WEDDING = "wedding"


class Term(StrEnum):
    """Length of the loan; the leading space is part of Lending Club's value."""

    THIRTY_SIX_MONTHS = " 36 months"
    SIXTY_MONTHS = " 60 months"


class VerificationStatus(StrEnum):
    """Whether Lending Club verified the stated income, or at least its source."""

    NOT_VERIFIED = "Not Verified"
    SOURCE_VERIFIED = "Source Verified"
    VERIFIED = "Verified"


class CreditRisk(StrEnum):
    """The two classes of the model; `risky` is the positive one."""

    SAFE = "safe"
    RISKY = "risky"
