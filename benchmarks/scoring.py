"""Compares the scoring of a whole file with `Booster.predict` alone.

The file has the loans of DATA, Lending Club's loan.csv, repeated to 1,000,000 rows.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks import results
from benchmarks.results import ROOT
from credit_risk_model.features import FEATURES
from credit_risk_model.prediction import scorer
from credit_risk_model.scoring.__main__ import main as score
from credit_risk_model.scoring.loans import open_inputs
from credit_risk_model.scoring.rows import encode

ROWS = int(os.environ.get("ROWS", "1000000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
THREADS = len(os.sched_getaffinity(0))
COLUMNS = ["id", *(feature.column for feature in FEATURES)]


def write(data: Path, path: Path) -> None:
    """Write the loans of `data` to Parquet, repeated to `ROWS` rows."""
    texts = {feature.column: pa.string() for feature in FEATURES if feature.categories}
    convert = pacsv.ConvertOptions(include_columns=COLUMNS, column_types=texts)
    loans = pacsv.read_csv(data, convert_options=convert)
    pq.write_table(pa.concat_tables([loans] * (ROWS // len(loans) + 1)).slice(0, ROWS), path)


def seconds(function: Callable[[], Any]) -> tuple[float, float]:
    """Return the elapsed time and the CPU time of a call, in seconds."""
    start, busy = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start, time.process_time() - busy


def file_against_booster(loans: Path, folder: Path) -> dict[str, Any]:
    """Measure in turns: the command, from file to file, and the booster alone on the same matrix."""
    source, inputs, _ = open_inputs(loans, 100_000)
    matrix = np.concatenate([encode(source.read(chunk), inputs).matrix for chunk in source.chunks()])
    model = scorer.load()
    times: dict[str, list[tuple[float, float]]] = {"command": [], "booster": []}
    for turn in range(ROUNDS):
        arguments = [str(loans), str(folder / f"{turn}.parquet"), "--accept-rejects", "--threads", str(THREADS)]
        times["command"].append(seconds(lambda given=arguments: score(given)))  # type: ignore[misc]  # bound at once
        times["booster"].append(seconds(lambda: model.probabilities(matrix, THREADS)))
    command, booster = (statistics.median(wall for wall, _ in times[name]) for name in ("command", "booster"))
    busy, least = (statistics.median(cores for _, cores in times[name]) for name in ("command", "booster"))
    return {
        "rows": ROWS,
        "scored": len(matrix),
        "threads": THREADS,
        "rows per second": round(len(matrix) / command),
        "share of the rate of the booster": round(booster / command, 2),
        "share of its time on the cores": round(least / busy, 2),
    }


def memory(loans: Path, folder: Path) -> float:
    """Return the peak memory of the command in MB, measured in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "credit_risk_model.scoring", loans, folder / "memory.parquet", "--accept-rejects"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6)


def contributions(loans: Path) -> dict[str, Any]:
    """Return the largest error of the sums of contributions against the log-odds, and the time for one loan."""
    source, inputs, _ = open_inputs(loans, 5_000)
    matrix = encode(source.read(next(source.chunks())), inputs).matrix
    model = scorer.load()
    start = time.perf_counter()
    sums = model.contributions(matrix, 1).sum(axis=1)
    milliseconds = (time.perf_counter() - start) / len(matrix) * 1e3
    probabilities = model.probabilities(matrix)
    error = np.abs(sums - np.log(probabilities / (1 - probabilities))).max()
    return {"loans": len(matrix), "largest error in log-odds": float(error), "ms for one loan": round(milliseconds, 1)}


def main() -> None:
    """Measure, print and record; exit with 1 if the file takes too much time or memory."""
    data = Path(os.environ["DATA"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loans = folder / "loans.parquet"
        write(data, loans)
        result: dict[str, Any] = {
            "loans": "real ones, repeated",
            "file": {"megabytes": memory(loans, folder)} | file_against_booster(loans, folder),
            "contributions": contributions(loans),
        }
    results.write("scoring", result)
    print(json.dumps(result, indent=1))
    if result["file"]["megabytes"] >= 1_000 or result["file"]["share of the rate of the booster"] < 0.7:
        sys.exit("A goal is missed: less than 1,000 MB, and at least 0.7 of the rate of the booster.")


if __name__ == "__main__":
    main()
