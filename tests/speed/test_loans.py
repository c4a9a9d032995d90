"""The loans that the benchmarks send."""

from pathlib import Path

import pytest

from benchmarks import loans
from credit_risk_model.training import synthetic


def test_the_loans_are_different() -> None:
    kind, found = loans.different(None)

    assert kind == "synthetic"
    assert len({tuple(loan.values()) for loan in found}) == len(found) == loans.COUNT


def test_a_file_with_too_few_loans_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loan.csv"
    synthetic.write(path, 100)

    with pytest.raises(SystemExit, match="500 are needed"):
        loans.different(str(path))
