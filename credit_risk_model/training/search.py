"""Searches for hyperparameters: `python -m credit_risk_model.training.search`."""

from credit_risk_model.training import process

if __name__ == "__main__":
    process.prepare()  # before the long imports

import argparse
import json
import math
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from sklearn.metrics import average_precision_score
from tqdm import tqdm

from credit_risk_model import atomic_file
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.loan_files.arguments import add_stated, stated
from credit_risk_model.training import book, dataset, estimator, evaluation, preparation, report, split

# The longest time of one prediction relative to LightGBM's defaults: 12 us of the 250 us that an HTTP request takes.
MOST_COST = 3.5

_FOLDS = 4
_TIMED_ROWS = 100


class SearchError(Exception):
    """The options allow no search, or no result of one."""


def search(
    loans: pd.DataFrame,
    features: FeatureSet = LOAN,
    *,
    trials: int,
    seconds: float,
    seed: int = estimator.SEED,
    progress: bool = True,
) -> dict[str, Any]:
    """Search for the hyperparameters with the fastest reasons among those that rank prepared loans best.

    FLAML's CFO proposes hyperparameters. Each trial measures the average precision, averaged over 4 folds that depend
    only on the loans, and the times of one prediction and of its reasons relative to LightGBM's defaults. The search
    ends after `trials`, or with the first trial that ends after `seconds`. Returns the content of
    `hyperparameters.json`.

    Raises:
        SearchError: the budget allows no trial.
        EstimatorError: a fold has loans of one class only.
    """
    if trials < 1 or seconds <= 0:
        raise SearchError(f"A search with {trials} trials and {seconds:g} seconds has no trial; allow at least one.")
    with warnings.catch_warnings():
        # It warns that the packages of its AutoML, which is not used, are not installed.
        warnings.simplefilter("ignore")
        import flaml
        from flaml import tune

    fold = split.buckets(loans) % _FOLDS
    rows = features.encode_frame(loans.head(_TIMED_ROWS))
    defaults = estimator.fit(loans, estimator.LIGHTGBM_DEFAULTS, features)
    history: list[dict[str, Any]] = []

    def evaluate(config: dict[str, Any]) -> dict[str, float]:
        hyperparameters = {name: _plain(name, value) for name, value in config.items()}
        scores, booster = [], defaults
        for number in range(_FOLDS):
            booster = estimator.fit(loans[fold != number], hyperparameters, features)
            left_out = loans[fold == number]
            probability = estimator.probabilities(booster, left_out, features)
            scores.append(float(average_precision_score(estimator.is_risky(left_out), probability)))
        boosters = {"this": booster, "defaults": defaults}
        taken = evaluation.seconds_per_loan(boosters, rows)
        of_reasons = evaluation.seconds_per_loan(boosters, rows, reasons=True)
        history.append(
            {
                "hyperparameters": hyperparameters,
                "average_precision": float(np.mean(scores)),
                "average_precision_of_folds": scores,
                "cost": taken["this"] / taken["defaults"],
                "reasons_cost": of_reasons["this"] / of_reasons["defaults"],
            }
        )
        bar.update()
        bar.set_postfix(best=f"{max(trial['average_precision'] for trial in history):.4f}")
        return {"average_precision": history[-1]["average_precision"]}

    started = time.monotonic()
    with tqdm(total=trials, desc="searching", unit=" trials", disable=not progress) as bar:
        tune.run(
            evaluate,
            search_alg=flaml.CFO(
                metric="average_precision", mode="max", space=_space(tune), low_cost_partial_config=_START, seed=seed
            ),
            num_samples=trials,
            time_budget_s=seconds,
            verbose=0,
        )
    chosen = choose(history, MOST_COST)
    return {
        "hyperparameters": chosen["hyperparameters"],
        "average_precision": chosen["average_precision"],
        "cost": chosen["cost"],
        "reasons_cost": chosen["reasons_cost"],
        "within_noise_of": _best(history, MOST_COST)["average_precision"],
        "budget": {"trials": trials, "seconds": seconds, "seed": seed},
        "made": {"trials": len(history), "seconds": round(time.monotonic() - started)},
        "loans": len(loans),
        "history": history,
    }


def choose(history: list[dict[str, Any]], most_cost: float = math.inf) -> dict[str, Any]:
    """Return the trial with the fastest reasons among those within noise of the best that cost at most `most_cost`.

    If no trial predicts so fast, all are considered. A trial is within noise if its average precision is at most one
    standard error below that of the best one. This is the one-standard-error rule of Breiman, Friedman, Olshen and
    Stone, Classification and Regression Trees (1984), section 3.4.3. All trials have the same folds, so the standard
    error is that of the mean difference over the folds.
    """
    return min(_candidates(history, most_cost), key=lambda trial: trial["reasons_cost"])


def _candidates(history: list[dict[str, Any]], most_cost: float) -> list[dict[str, Any]]:
    best = _best(history, most_cost)
    return [trial for trial in _affordable(history, most_cost) if _within_noise(trial, best)]


def _best(history: list[dict[str, Any]], most_cost: float) -> dict[str, Any]:
    return max(_affordable(history, most_cost), key=lambda trial: trial["average_precision"])


def _affordable(history: list[dict[str, Any]], most_cost: float) -> list[dict[str, Any]]:
    return [trial for trial in history if trial["cost"] <= most_cost] or history


def _within_noise(trial: dict[str, Any], best: dict[str, Any]) -> bool:
    below = np.subtract(best["average_precision_of_folds"], trial["average_precision_of_folds"])
    return bool(below.mean() <= np.std(below, ddof=1) / math.sqrt(len(below)))


# Chosen by hand: many shallow trees, fine bins for amounts and coarse bins for what describes the borrower.
_START = {
    "n_estimators": 300,
    "max_depth": 4,
    "num_leaves": 16,
    "learning_rate": 0.1,
    "min_child_samples": 50,
    "max_bin": 255,
    "borrower_bins": 8,
    "colsample_bytree": 0.9,
    "reg_alpha": 0.4,
    "reg_lambda": 0.04,
}


def _space(tune: Any) -> dict[str, Any]:
    # The time of the reasons grows with trees, leaves and the square of the depth. The last two are bounded by these.
    return {
        "n_estimators": tune.lograndint(50, 401),
        "max_depth": tune.lograndint(3, 9),
        "num_leaves": tune.lograndint(7, 65),
        "learning_rate": tune.loguniform(0.02, 0.5),
        "min_child_samples": tune.lograndint(2, 129),
        "max_bin": tune.lograndint(63, 256),
        "borrower_bins": tune.lograndint(4, 64),
        "colsample_bytree": tune.uniform(0.4, 1.0),
        "reg_alpha": tune.loguniform(1 / 1024, 64),
        "reg_lambda": tune.loguniform(1 / 1024, 64),
    }


def _plain(name: str, value: Any) -> int | float:
    # The search cannot distinguish more than four digits, and four are easy to read.
    return (
        float(f"{value:.4g}")
        if name in ("learning_rate", "colsample_bytree", "reg_alpha", "reg_lambda")
        else int(value)
    )


def plot(found: dict[str, Any]) -> str:
    """Return an SVG plot of quality against the cost of reasons for all trials."""
    return report.svg(_trade_off, found, "What a better ranking costs", size=(7.0, 4.5))


def _trade_off(axes: Axes, found: dict[str, Any]) -> None:
    history = found["history"]
    best, candidates, chosen = _best(history, MOST_COST), _candidates(history, MOST_COST), choose(history, MOST_COST)
    groups: list[tuple[str, str, list[dict[str, Any]]]] = [
        ("trials", report.GREY, [trial for trial in history if trial not in candidates]),
        (f"within noise of the best, prediction at most {MOST_COST} times", report.BLUE, candidates),
        ("chosen: the fastest reasons of them", report.RED, [chosen]),
    ]
    for label, color, trials in groups:
        costs, scores = ([trial[name] for trial in trials] for name in ("reasons_cost", "average_precision"))
        axes.plot(costs, scores, "o", color=color, label=label)
    axes.set_ylim(bottom=max(min(t["average_precision"] for t in history), best["average_precision"] - 0.02))
    axes.set(xlabel="time of the reasons (1 = LightGBM's defaults)", ylabel="average precision, mean of 4 folds")
    axes.legend(frameon=False, loc="lower right")


def main(arguments: list[str] | None = None) -> int:
    """Search, write the result, and return the exit code: 0, or 1 if the data or the options cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m credit_risk_model.training.search",
        description="Search for the hyperparameters that the training uses.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="the lender's file, such as loan.csv, in any format that scoring reads",
    )
    add_stated(parser)
    parser.add_argument("--trials", type=int, default=80, help="maximum number of trials (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1_200, help="maximum time (default: %(default)s)")
    parser.add_argument("--on-book", action="store_true", help="search for the on-book model")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="the JSON file to write (default: the committed one of the model)"
    )
    options = parser.parse_args(arguments)
    if options.on_book and not ON_BOOK:
        parser.error("--on-book: these loans have only one model, which does not know the age")
    features = ON_BOOK if options.on_book else LOAN
    output = options.output or estimator.FOUND[features]
    try:
        _check_output(output, options.data)
        data = dataset.fingerprint(options.data)
        loans, _ = preparation.prepare(dataset.read(options.data, stated=stated(options)))
        loans = book.of(loans, seed=estimator.SEED, report=print).loans
        learning = loans[~split.held_back(loans)]
        found = search(learning, features, trials=options.trials, seconds=options.seconds)
    except (dataset.DatasetError, preparation.PreparationError, estimator.EstimatorError, SearchError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    picture = output.with_suffix(".svg")
    drawn = plot(found)
    had_kept = _has_kept(output)
    try:
        with atomic_file.replacing(picture) as svg, atomic_file.replacing(output) as result:
            svg.write(drawn.encode())
            result.write((json.dumps(found | {"data": data}, indent=1) + "\n").encode())
    except OSError as error:
        print(f"error: Cannot write to {str(output)!r}: {error.strerror}.", file=sys.stderr)
        return 1
    print(
        f"{found['made']['trials']} trials: best average precision {found['within_noise_of']:.4f}, chosen "
        f"{found['average_precision']:.4f} "
        f"at {found['cost']:.2f} times the cost of LightGBM's defaults, and {found['reasons_cost']:.2f} times for "
        f"reasons: {found['hyperparameters']}\n"
        f"Wrote {output.name} and {picture.name}."
    )
    if had_kept:
        print(f"The hyperparameters that {output.name} had as `kept` are replaced: training uses those of this search.")
    return 0


def _check_output(output: Path, data: Path) -> None:
    """Raise SearchError for an output that could not be written after the search."""
    if output.resolve() == data.resolve():
        raise SearchError(f"--output is the input file {str(data)!r}: name another file.")
    if output.is_dir() or output.suffix == ".svg":
        raise SearchError(f"--output is {str(output)!r}: name a JSON file. The picture gets its name, with '.svg'.")
    if not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
        raise SearchError(f"Cannot write to {str(output)!r}: {str(output.parent)!r} is not a folder that allows it.")


def _has_kept(path: Path) -> bool:
    try:
        before = json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(before, dict) and "kept" in before


if __name__ == "__main__":
    process.run(main, "Nothing was written.")
