"""Measures the model alone, for one loan and for many, compared with LightGBM's `Booster.predict`."""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import loans, results
from credit_risk_model import features
from credit_risk_model.prediction.model import CreditRiskModel

ONE_LOAN, MANY_LOANS = "seconds for one loan", "100,000 loans relative to Booster.predict"
DIFFERENT = {"always the same loan": 1, "500 different loans in turn": loans.COUNT}


def seconds(function: Callable[[], Any], calls: int) -> float:
    """Return the time of one call."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def one_loan(model: CreditRiskModel, count: int) -> dict[str, float]:
    """Return the median times for one of `count` different loans, measured in turns."""
    different = loans.different()[:count]
    matrices = itertools.cycle([features.LOAN.encode_loans([loan]) for loan in different])
    requests = itertools.cycle([model.input_schema(**loan) for loan in different])
    booster = model._scorer._booster
    turns = [
        (
            seconds(lambda: booster.predict(next(matrices), num_threads=1), 500),
            seconds(lambda: model.predict(next(requests)), 500),
        )
        for _ in range(40)
    ]
    return dict(zip(("booster", "model"), map(statistics.median, zip(*turns, strict=True)), strict=True))


def many_loans(model: CreditRiskModel) -> float:
    """Return the median ratio of the times for 100,000 loans: the model with its encoding, and the booster alone."""
    prepared = loans.prepared(20_000)
    frame = prepared.iloc[np.resize(np.arange(len(prepared)), 100_000)]
    matrix = features.LOAN.encode_frame(frame)
    booster = model._scorer._booster
    ratios = [seconds(lambda: model.classify(frame), 1) / seconds(lambda: booster.predict(matrix), 1) for _ in range(9)]
    return round(statistics.median(ratios), 3)


def main() -> None:
    """Measure and record."""
    model = CreditRiskModel()
    one = {words: one_loan(model, count) for words, count in DIFFERENT.items()}
    results.write("model", {ONE_LOAN: one, MANY_LOANS: many_loans(model)})


if __name__ == "__main__":
    main()
