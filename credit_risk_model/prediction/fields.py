"""The fields of a request as `features.py` describes them."""

from typing import Any

from pydantic import AllowInfNan, BeforeValidator, Field

from credit_risk_model.features import LOAN, ON_BOOK

_FEATURES = {feature.field: feature for feature in (ON_BOOK or LOAN).features}


def _whole(value: object) -> object:
    # JSON has only one type of number, so 35000.0 is a valid integer. Pydantic's strict mode would refuse it.
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
FINITE = AllowInfNan(False)


def number(field: str) -> Any:
    """Return the range, the description and the example of a number."""
    feature = _FEATURES[field]
    return Field(
        strict=True,
        ge=feature.minimum,
        le=feature.maximum,
        description=feature.description,
        examples=[feature.example],
    )


def category(field: str) -> Any:
    """Return the description and the example of a category."""
    return Field(description=_FEATURES[field].description, examples=[_FEATURES[field].example])


def reasons(most: int) -> Any:
    """Return the range and the description of a number of reasons."""
    return Field(strict=True, ge=1, le=most, description="The maximum number of reasons in the answer.")


LOANS = Field(min_length=1, max_length=1_000, description="The loans, 1 to 1,000.")
# More than four reasons are unlikely to help the reader: Regulation B of the United States (12 CFR 1002), official
# interpretation of section 1002.9(b)(2), on notices of adverse action.
REASONS = 4
