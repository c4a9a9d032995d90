"""The population stability index."""

import math

import numpy as np
import pandas as pd
import pytest

from credit_risk_model.monitoring.drift import FEWEST, Bins, shares


def test_the_psi_is_the_one_computed_by_hand() -> None:
    bins = Bins({"a": 0.5, "b": 0.5})
    by_hand = (0.4 - 0.5) * math.log(0.4 / 0.5) + (0.6 - 0.5) * math.log(0.6 / 0.5)

    assert bins.psi(pd.Series([*"aabbb"])) == pytest.approx(by_hand)


def test_numbers_have_ten_bins_whose_upper_edge_belongs_to_them() -> None:
    bins = shares(pd.Series(np.arange(1.0, 1_001.0)))

    assert [*bins.values()] == pytest.approx([0.1] * 10 + [0, 0])
    found = Bins(bins).by_name(pd.Series([1.0, 100.9, 101.0, 5_000.0, None]))
    assert (found["100.9"], found["+Inf"], found["missing"], found["other"]) == (0.4, 0.2, 0.2, 0)


def test_the_same_values_have_no_psi_and_shifted_ones_do() -> None:
    values = pd.Series(np.random.default_rng(42).normal(size=10_000))
    bins = Bins(shares(values))

    assert bins.psi(values) == 0
    assert bins.psi(pd.Series(np.random.default_rng(43).normal(size=FEWEST))) < 0.05
    assert bins.psi(values + 1) > 0.25


@pytest.mark.parametrize(("values", "new"), [(["a", "b"], "c"), (["a", "b"], None), ([1.0, 2.0], None)])
def test_values_that_are_new_or_missing_have_a_psi(values: list[object], new: object) -> None:
    series = pd.Series(values * 500)
    bins = Bins(shares(series))

    assert bins.psi(series) == 0
    assert bins.psi(pd.Series([*values * 500, *[new] * 100])) > 0.1


def test_a_constant_input_has_no_psi() -> None:
    bins = Bins(shares(pd.Series([0.0] * 1_000)))

    assert bins.psi(pd.Series([0.0] * 1_000)) == 0
    assert bins.psi(pd.Series([1.0] * 1_000)) > 0.25
