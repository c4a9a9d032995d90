"""The model alone: one loan, and many, beside LightGBM's own `Booster.predict`."""

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import loans
from credit_risk_model import features
from credit_risk_model.prediction.model import CreditRiskModel

Data = tuple[CreditRiskModel, pd.DataFrame, dict[str, Any]]


@pytest.fixture(scope="session")
def data() -> Data:
    """The model, prepared loans, and one as a request has it."""
    _, prepared = loans.prepared(None, 20_000)
    return CreditRiskModel(), prepared, loans.different(None)[1][0]


def rows(prepared: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return so many loans, from the first one again after the last one."""
    return prepared.iloc[np.resize(np.arange(len(prepared)), count)]


def seconds(function: Callable[[Any], Any], argument: Any) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    function(argument)
    return time.perf_counter() - start


@pytest.mark.benchmark(group="one loan")
def test_one_loan_booster(benchmark: BenchmarkFixture, data: Data) -> None:
    model, _, loan = data
    row = features.encode_loans([loan])

    benchmark.pedantic(model._scorer._booster.predict, (row,), {"num_threads": 1}, rounds=2_000, iterations=5)


@pytest.mark.benchmark(group="one loan")
def test_one_loan_model(benchmark: BenchmarkFixture, data: Data) -> None:
    model, _, loan = data
    request = model.input_schema(**loan)

    benchmark.pedantic(model.predict, (request,), rounds=2_000, iterations=5)


@pytest.mark.benchmark(group="100,000 loans")
def test_many_loans_booster(benchmark: BenchmarkFixture, data: Data) -> None:
    model, prepared, _ = data
    matrix = features.encode_frame(rows(prepared, 100_000))

    benchmark.pedantic(model._scorer._booster.predict, (matrix,), rounds=7, warmup_rounds=1)


@pytest.mark.benchmark(group="100,000 loans")
def test_many_loans_model(benchmark: BenchmarkFixture, data: Data) -> None:
    model, prepared, _ = data
    frame = rows(prepared, 100_000)
    matrix = features.encode_frame(frame)

    benchmark.pedantic(model.classify, (frame,), rounds=7, warmup_rounds=1)
    ratios = [seconds(model.classify, frame) / seconds(model._scorer._booster.predict, matrix) for _ in range(9)]
    benchmark.extra_info["times Booster.predict, in turns"] = round(statistics.median(ratios), 3)


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
