"""The synthetic loans that the benchmarks send."""

import tempfile
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from benchmarks.servers import Loan
from credit_risk_model.features import FEATURES
from credit_risk_model.prediction.loan import CreditRiskModelInput
from credit_risk_model.training import dataset, preparation, synthetic

COUNT = 500


def prepared(rows: int) -> pd.DataFrame:
    """Return prepared loans, made from this number of rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loan.csv"
        synthetic.write(path, rows)
        return preparation.prepare(dataset.read(path, progress=False))[0]


def different() -> list[Loan]:
    """Return `COUNT` different loans in the format of a request."""
    found: dict[tuple[object, ...], Loan] = {}
    for values in prepared(4 * COUNT).to_dict("records"):
        loan = {
            feature.field: values[feature.name] if feature.categories else feature.type(values[feature.name])
            for feature in FEATURES
        }
        try:
            CreditRiskModelInput.model_validate(loan)
        except ValidationError:  # an outlier, which would be invalid in a request
            continue
        found[tuple(loan.values())] = loan
    return list(found.values())[:COUNT]
