"""The model alone, for one loan and for many loans, compared with LightGBM's `Booster.predict`."""

import itertools
import statistics
import time
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import loans
from credit_risk_model import features
from credit_risk_model.prediction.model import CreditRiskModel

Data = tuple[CreditRiskModel, pd.DataFrame, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def data() -> Data:
    """The model, prepared loans, and 500 loans in the format of a request."""
    _, prepared = loans.prepared(None, 20_000)
    return CreditRiskModel(), prepared, loans.different(None)[1]


def rows(prepared: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return `count` rows; the loans are repeated if there are too few."""
    return prepared.iloc[np.resize(np.arange(len(prepared)), count)]


@pytest.mark.benchmark(group="one loan")
@pytest.mark.parametrize("count", [1, 500])
def test_one_loan_booster(benchmark: BenchmarkFixture, data: Data, count: int) -> None:
    model, _, different = data
    rows = itertools.cycle([features.LOAN.encode_loans([loan]) for loan in different[:count]])

    benchmark.pedantic(lambda: model._scorer._booster.predict(next(rows), num_threads=1), rounds=40, iterations=500)


@pytest.mark.benchmark(group="one loan")
@pytest.mark.parametrize("count", [1, 500])
def test_one_loan_model(benchmark: BenchmarkFixture, data: Data, count: int) -> None:
    model, _, different = data
    requests = itertools.cycle([model.input_schema(**loan) for loan in different[:count]])

    benchmark.pedantic(lambda: model.predict(next(requests)), rounds=40, iterations=500)


@pytest.mark.benchmark(group="100,000 loans")
def test_many_loans(benchmark: BenchmarkFixture, data: Data) -> None:
    model, prepared, _ = data
    frame = rows(prepared, 100_000)
    matrix = features.LOAN.encode_frame(frame)
    alone: list[float] = []

    def booster() -> None:
        start = time.perf_counter()
        model._scorer._booster.predict(matrix)
        alone.append(time.perf_counter() - start)

    rounds = 9
    # The booster runs before each round, so that a slow moment of the machine affects both.
    benchmark.pedantic(model.classify, (frame,), setup=booster, rounds=rounds, warmup_rounds=1)
    ratios = [ours / its for ours, its in zip(benchmark.stats.stats.data, alone[-rounds:], strict=True)]  # type: ignore[union-attr]
    benchmark.extra_info["times Booster.predict"] = round(statistics.median(ratios), 3)


@pytest.mark.benchmark(group="from 1,000 to 1,000,000 loans")
@pytest.mark.parametrize("count", [1_000, 10_000, 100_000, 1_000_000])
def test_number_of_loans(benchmark: BenchmarkFixture, data: Data, count: int) -> None:
    model, prepared, _ = data
    frame = rows(prepared, count)

    benchmark.pedantic(model.classify, (frame,), rounds=max(3, min(50, 300_000 // count)), warmup_rounds=1)
    tracemalloc.start()
    model.classify(frame)
    benchmark.extra_info["peak MB"] = round(tracemalloc.get_traced_memory()[1] / 1e6, 1)
    tracemalloc.stop()
