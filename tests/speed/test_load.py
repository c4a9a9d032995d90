"""The load and the probes of the benchmarks."""

import math

import pytest

from benchmarks.load import percentile


@pytest.mark.parametrize(("percent", "value"), [(1, 1), (50, 50), (99, 99), (100, math.inf)])
def test_a_percentile_is_a_measured_value(percent: float, value: float) -> None:
    assert percentile([math.inf, *range(99, 0, -1)], percent) == value


def test_failed_probes_are_not_lost_in_a_percentile() -> None:
    assert percentile([0.1] * 98 + [math.inf] * 2, 99) == math.inf
