"""The values that a request may have."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import FEATURES, LOAN, ON_BOOK
from credit_risk_model.prediction.loan import CreditRiskModelInput
from credit_risk_model.prediction.on_book import CreditRiskOnBookModelInput

NUMBERS = [feature for feature in FEATURES if feature.categories is None]
INTEGERS = [feature for feature in NUMBERS if feature.type is int]


def refused(body: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Parse and validate the body as FastAPI does; return the locations of the errors."""
    with pytest.raises(ValidationError) as caught:
        CreditRiskModelInput.model_validate(json.loads(json.dumps(body)))
    return [error["loc"] for error in caught.value.errors()]


@pytest.mark.parametrize(("schema", "features"), [(CreditRiskModelInput, LOAN), (CreditRiskOnBookModelInput, ON_BOOK)])
def test_a_schema_has_exactly_the_features_of_its_model(schema: type[BaseModel], features: FeatureSet) -> None:
    properties = schema.model_json_schema()["properties"]

    assert list(schema.model_fields) == features.fields
    for feature in features.features:
        described = properties[feature.field]
        assert schema.model_fields[feature.field].annotation is feature.type
        assert schema.model_fields[feature.field].is_required()
        assert described["description"] == feature.description
        assert described["examples"] == [feature.example]
        assert (described.get("minimum"), described.get("maximum")) == (feature.minimum, feature.maximum)


def test_the_example_is_accepted(loan: dict[str, Any]) -> None:
    assert CreditRiskModelInput(**loan).model_dump() == loan


@pytest.mark.parametrize("feature", NUMBERS, ids=lambda feature: feature.field)
@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_the_bounds_of_a_number_are_accepted(loan: dict[str, Any], feature: Any, bound: str) -> None:
    value = getattr(feature, bound)

    assert getattr(CreditRiskModelInput(**loan | {feature.field: value}), feature.field) == value


@pytest.mark.parametrize("feature", NUMBERS, ids=lambda feature: feature.field)
def test_a_number_out_of_range_is_refused(loan: dict[str, Any], feature: Any) -> None:
    step = 1 if feature.type is int else 0.01

    assert refused(loan | {feature.field: feature.minimum - step}) == [(feature.field,)]
    assert refused(loan | {feature.field: feature.maximum + step}) == [(feature.field,)]


@pytest.mark.parametrize("feature", NUMBERS, ids=lambda feature: feature.field)
@pytest.mark.parametrize("value", ["36", True, None, [], {}, float("nan"), float("inf"), -float("inf")], ids=repr)
def test_a_value_that_is_not_a_finite_number_is_refused(loan: dict[str, Any], feature: Any, value: object) -> None:
    assert refused(loan | {feature.field: value}) == [(feature.field,)]


@pytest.mark.parametrize("feature", INTEGERS, ids=lambda feature: feature.field)
def test_a_fraction_is_refused_as_an_integer(loan: dict[str, Any], feature: Any) -> None:
    assert refused(loan | {feature.field: feature.minimum + 0.5}) == [(feature.field,)]


@pytest.mark.parametrize("feature", INTEGERS, ids=lambda feature: feature.field)
def test_an_integer_with_a_decimal_point_is_accepted(loan: dict[str, Any], feature: Any) -> None:
    accepted = getattr(CreditRiskModelInput(**loan | {feature.field: float(feature.example)}), feature.field)

    assert accepted == feature.example
    assert isinstance(accepted, int)


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.categories], ids=lambda feature: feature.field)
def test_only_the_categories_of_the_enum_are_accepted(loan: dict[str, Any], feature: Any) -> None:
    for category in feature.categories:
        assert getattr(CreditRiskModelInput(**loan | {feature.field: category}), feature.field) == category
    assert refused(loan | {feature.field: "yacht"}) == [(feature.field,)]
    assert refused(loan | {feature.field: 1}) == [(feature.field,)]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.field)
def test_a_missing_field_is_named(loan: dict[str, Any], feature: Any) -> None:
    del loan[feature.field]

    assert refused(loan) == [(feature.field,)]


def test_an_unknown_field_is_named(loan: dict[str, Any]) -> None:
    assert refused(loan | {"annual_incom": 1}) == [("annual_incom",)]
