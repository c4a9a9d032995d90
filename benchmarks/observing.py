"""Measures the CPU time that the metrics of a model and the prediction log add to a prediction."""

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from benchmarks import loans, results
from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.model import CreditRiskModel, ScoringModel
from credit_risk_model.service.framework import LoadedModel
from credit_risk_model.service.model_metrics import ModelMetrics, Observer
from credit_risk_model.service.prediction_log import PredictionLog
from credit_risk_model.service.settings import Settings

ROUNDS, LOANS = 11, 5_000
BATCHES = (10, 100, 1_000)  # loans


def observing(model: ScoringModel, asked: Sequence[tuple[Any, Any]], observe: Observer) -> float:
    """Return the CPU time in µs that observing costs for each loan."""
    start = time.process_time()
    for data, answer in asked:
        observe(model.observations(data, answer))
    return (time.process_time() - start) / LOANS * 1e6


def predicting(model: ScoringModel, bodies: Sequence[str]) -> float:
    """Return the CPU time in µs that the prediction itself takes for each loan: from JSON to JSON."""
    start = time.process_time()
    for body in bodies:
        model.predict(model.input_schema.model_validate(json.loads(body))).model_dump_json()
    return (time.process_time() - start) / LOANS * 1e6


def main(artifact: str | None) -> None:
    """Measure in turns, print and record."""
    different = loans.different()
    many = LOANS // len(different) * different
    sizes: list[tuple[str, list[Any]]] = [("one loan", many)]
    for size in BATCHES:
        sizes.append(
            (f"batches of {size:,}", [{"loans": many[start : start + size]} for start in range(0, LOANS, size)])
        )
    registry, found = CollectorRegistry(), defaultdict(list)
    metrics = ModelMetrics(registry)
    with tempfile.TemporaryDirectory() as folder:
        log = PredictionLog(Settings(prediction_log=str(Path(folder) / "log")), registry)
        cases = []
        for name, bodies in sizes:
            model = CreditRiskBatchModel(artifact) if "loans" in bodies[0] else CreditRiskModel(artifact)
            requests = [model.input_schema(**body) for body in bodies]
            asked = [(data, model.predict(data)) for data in requests]
            counting = metrics.add(name, model.reference or {})
            logging = log.observer(LoadedModel(model, "", "", None, 0))
            cases.append((name, model, [json.dumps(body) for body in bodies], asked, counting, logging))
        for _ in range(ROUNDS):
            for name, model, texts, asked, counting, logging in cases:
                found[f"prediction, {name}"].append(predicting(model, texts))
                found[f"metrics, {name}"].append(observing(model, asked, counting))
                found[f"prediction log, {name}"].append(observing(model, asked, logging))
            start = time.process_time()
            generate_latest(registry)
            found["one scrape of four models"].append((time.process_time() - start) * 1e6)
        log.finish()
    measured = {name: round(statistics.median(each), 1) for name, each in found.items()}
    results.write("observing", {"loans": f"{len(different)} different synthetic loans", "microseconds": measured})
    for name, microseconds in measured.items():
        print(f"{name:<60}{microseconds:>10,.1f} µs")


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.observing", description=__doc__)
    parser.add_argument("--artifact", help="an artifact with a reference (default: the shipped one)")
    main(parser.parse_args().artifact)
