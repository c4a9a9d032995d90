"""The goals that the benchmarks check when they record."""

import pytest

from benchmarks.goals import Goal, ratio


@pytest.mark.parametrize(
    ("goal", "reached"),
    [
        (Goal("as fast", 3, least=3), True),
        (Goal("too slow", 2.9, least=3), False),
        (Goal("small", 5, most=5), True),
        (Goal("too large", 5.1, most=5), False),
    ],
    ids=lambda value: value.what if isinstance(value, Goal) else "",
)
def test_a_goal_is_reached_within_its_bound(goal: Goal, reached: bool) -> None:
    assert goal.reached is reached


def test_servers_are_compared_within_each_round() -> None:
    assert ratio([10, 1, 6], [5, 1, 2]) == 2
