"""The loans that the benchmarks send."""

from benchmarks import loans


def test_the_loans_are_different() -> None:
    found = loans.different()

    assert len({tuple(loan.values()) for loan in found}) == len(found) == loans.COUNT
