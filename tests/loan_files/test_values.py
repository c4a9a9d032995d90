"""Which texts are numbers and months, and which are not."""

import pyarrow as pa
import pytest

from credit_risk_model.loan_files import values
from credit_risk_model.loan_files.kinds import KINDS


@pytest.mark.parametrize("mark", [",", ".", " ", "'", "\u00a0", "\u2019", "\u202f"])
@pytest.mark.parametrize("other", [",", ".", " ", "'", "\u00a0", "\u2019", "\u202f"])
@pytest.mark.parametrize("decimal_comma", [False, True])
def test_a_number_has_one_separator_between_its_thousands(mark: str, other: str, decimal_comma: bool) -> None:
    decimal = "," if decimal_comma else "."
    number, _ = values.number(f"1{mark}234{other}567", KINDS["annual_inc"], decimal_comma)

    if mark == decimal:
        assert number is None
    elif other == decimal:
        assert number == 1234.567
    else:
        assert number == (1234567 if mark == other else None)


@pytest.mark.parametrize("text", ["0,300", "012 345", "12,3000", "12,,300", "1,23"])
def test_a_number_with_other_groups_than_thousands_is_none(text: str) -> None:
    assert values.number(text, KINDS["annual_inc"]) == (None, [])


def months(*texts: str) -> list[int | None]:
    numbers: list[int | None] = values.month_numbers(pa.array(texts))[0].to_pylist()
    return numbers


@pytest.mark.parametrize("zone", ["", "Z", "+00:00", "-05", "+0530", " UTC", " +00:00"])
@pytest.mark.parametrize("time", ["T00:00:00", " 00:00:00", " 0:00:00", "T23:59", " 00:00:00.000000"])
def test_the_month_of_a_time_is_read(time: str, zone: str) -> None:
    assert months("2015-12", "2015-12-01", "2016-02-29" + time + zone, "2015-12-31" + time + zone) == [
        number := 2015 * 12 + 11,
        number,
        number + 2,
        number,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2015-00",
        "2015-13",
        "2015-12-00",
        "2015-12-99",
        "2015-02-29",
        "0000-12-01",
        "2015-12-01 ::::",
        "2015-12-01T",
        "2015-12-01T00:60:00",
        "2015-12-01T24:00:00",
        "2015-12-01+00:00",
        "2015-12-01T00:00:00+",
        "\uff12\uff10\uff11\uff15-12",
        "2015-12-\uff10\uff11",
    ],
)
def test_a_text_that_is_not_a_date_has_no_month(text: str) -> None:
    assert months(text) == [None]
