"""The definition of the inputs and their encoding."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from credit_risk_model.features import FEATURES, LOAN
from credit_risk_model.training import synthetic


def test_every_name_is_used_once() -> None:
    for names in zip(*((f.field, f.name, f.column) for f in FEATURES), strict=True):
        assert len(set(names)) == len(FEATURES)


def test_the_names_of_the_model_are_those_of_the_request_in_camel_case() -> None:
    for feature in FEATURES:
        assert feature.name == re.sub(r"_", "", feature.field.title())


def test_every_column_is_in_the_public_file() -> None:
    assert {feature.column for feature in FEATURES} <= set(synthetic.COLUMNS)


def test_the_example_of_every_number_is_within_its_range() -> None:
    for feature in FEATURES:
        if feature.categories is None:
            assert feature.minimum is not None
            assert feature.maximum is not None
            assert feature.minimum <= feature.example <= feature.maximum


def test_a_category_becomes_its_position(loan: dict[str, Any]) -> None:
    for position, entry in enumerate(LOAN.specification()):
        for code, category in enumerate(entry["categories"] or []):
            row = LOAN.encode_loans([loan | {FEATURES[position].field: category}])

            assert row[0, position] == code


def test_a_number_is_not_changed(loan: dict[str, Any]) -> None:
    row = LOAN.encode_loans([loan])

    for position, feature in enumerate(FEATURES):
        if feature.categories is None:
            assert row[0, position] == loan[feature.field]


def test_an_unknown_category_is_an_error(loan: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="yacht"):
        LOAN.encode_loans([loan | {"loan_purpose": "yacht"}])


def test_one_loan_and_many_are_encoded_in_the_same_way(prepared_loans: pd.DataFrame) -> None:
    matrix = LOAN.encode_frame(prepared_loans)

    for row, values in zip(matrix, prepared_loans.to_dict("records"), strict=True):
        request = {feature.field: values[feature.name] for feature in FEATURES}
        assert np.array_equal(LOAN.encode_loans([request]), row[np.newaxis])
