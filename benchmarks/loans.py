"""The loans that the benchmarks send: real ones if a file is given, otherwise synthetic ones."""

import itertools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from credit_risk_model.features import FEATURES
from credit_risk_model.prediction.schemas import CreditRiskModelInput
from credit_risk_model.training import dataset, preparation, synthetic

COUNT = 500


def prepared(data: str | None, rows: int) -> tuple[str, pd.DataFrame]:
    """Return 'real' and the prepared loans of the file `data`, or 'synthetic' and `rows` prepared synthetic loans."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(data) if data else Path(folder) / "loan.csv"
        if not data:
            synthetic.write(path, rows)
        loans = preparation.prepare(dataset.read(path, progress=False))[0]
    return "real" if data else "synthetic", loans


def different(data: str | None) -> tuple[str, list[dict[str, Any]]]:
    """Return 'real' or 'synthetic', and `COUNT` different loans in the format of a request."""
    kind, loans = prepared(data, 4 * COUNT)
    found = {tuple(loan.values()): loan for loan in itertools.islice(_requests(loans), 2 * COUNT)}
    if len(found) < COUNT:
        sys.exit(f"{data} has {len(found)} different loans that are valid in a request; {COUNT} are needed.")
    return kind, list(found.values())[:COUNT]


def _requests(loans: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for values in loans.sample(frac=1, random_state=0).to_dict("records"):
        loan = {
            feature.field: values[feature.name] if feature.categories else feature.type(values[feature.name])
            for feature in FEATURES
        }
        try:
            CreditRiskModelInput.model_validate(loan)
        except ValidationError:  # an outlier, which would be invalid in a request
            continue
        yield loan
