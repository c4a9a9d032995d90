"""Months as text and as numbers."""

import pytest

from credit_risk_model import months


def test_the_months_between_two_dates_are_counted() -> None:
    first, second = months.number("Dec-2015"), months.number("Jan-2016")

    assert first is not None
    assert second == first + 1


@pytest.mark.parametrize(
    "text",
    [None, "", "2015-12", "December-2015", "Dec-15", "dec-2015", "Dec", "Dec-20x5", "Dec-\uff12\uff10\uff11\uff15"],
)
def test_a_text_that_is_not_a_month_has_no_number(text: str | None) -> None:
    assert months.number(text) is None


def test_a_month_is_written_in_the_format_in_which_it_is_read() -> None:
    assert [months.text(month) for month in range(24_191, 24_193)] == ["Dec-2015", "Jan-2016"]
    assert all(months.number(months.text(month)) == month for month in range(24_000, 24_100))
