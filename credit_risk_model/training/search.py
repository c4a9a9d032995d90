"""Searches for hyperparameters: `python -m credit_risk_model.training.search`."""

import argparse
import json
import math
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from sklearn.metrics import average_precision_score
from tqdm import tqdm

from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.training import book, dataset, estimator, evaluation, preparation, report, split

# The longest time of one prediction relative to LightGBM's defaults. The model before the search on the book took this.
MOST_COST = 1.2

_FOLDS = 4
_TIMED_ROWS = 100


class SearchError(Exception):
    """The options allow no search."""


def search(
    loans: pd.DataFrame,
    features: FeatureSet = LOAN,
    *,
    trials: int,
    seconds: float,
    seed: int = estimator.SEED,
    progress: bool = True,
) -> dict[str, Any]:
    """Search for the fastest of the hyperparameters that rank prepared loans best.

    FLAML's CFO proposes hyperparameters. Each trial measures the average precision, averaged over 4 folds that depend
    only on the loans, and the time of one prediction relative to LightGBM's defaults. The search ends after `trials`,
    or with the first trial that ends after `seconds`. Returns the content of `hyperparameters.json`.

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
        taken = evaluation.seconds_per_loan({"this": booster, "defaults": defaults}, rows, rounds=3)
        history.append(
            {
                "hyperparameters": hyperparameters,
                "average_precision": float(np.mean(scores)),
                "average_precision_of_folds": scores,
                "cost": taken["this"] / taken["defaults"],
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
        "within_noise_of": _best(history, MOST_COST)["average_precision"],
        "budget": {"trials": trials, "seconds": seconds, "seed": seed},
        "made": {"trials": len(history), "seconds": round(time.monotonic() - started)},
        "loans": len(loans),
        "history": history,
    }


def choose(history: list[dict[str, Any]], most_cost: float = math.inf) -> dict[str, Any]:
    """Return the fastest trial within noise of the best trial that costs at most `most_cost`.

    If no trial is so fast, the best of all is taken. A trial is within noise if its average precision is at most one
    standard error below that of the best one. This is the one-standard-error rule of Breiman, Friedman, Olshen and
    Stone, Classification and Regression Trees (1984), section 3.4.3. All trials have the same folds, so the standard
    error is that of the mean difference over the folds.
    """
    best = _best(history, most_cost)
    return min((trial for trial in history if _within_noise(trial, best)), key=lambda trial: trial["cost"])


def _best(history: list[dict[str, Any]], most_cost: float) -> dict[str, Any]:
    affordable = [trial for trial in history if trial["cost"] <= most_cost] or history
    return max(affordable, key=lambda trial: trial["average_precision"])


def _within_noise(trial: dict[str, Any], best: dict[str, Any]) -> bool:
    below = np.subtract(best["average_precision_of_folds"], trial["average_precision_of_folds"])
    return bool(below.mean() <= np.std(below, ddof=1) / math.sqrt(len(below)))


# Chosen by hand: many leaves, fine bins for amounts and coarse bins for what describes the borrower.
_START = {
    "n_estimators": 160,
    "num_leaves": 63,
    "learning_rate": 0.1,
    "min_child_samples": 20,
    "max_bin": 255,
    "borrower_bins": 8,
}


def _space(tune: Any) -> dict[str, Any]:
    # The bounds on trees and leaves limit the time of one prediction.
    return {
        "n_estimators": tune.lograndint(50, 251),
        "num_leaves": tune.lograndint(7, 128),
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
    """Return an SVG plot of quality against cost for all trials."""
    return report.svg(_trade_off, found, "What a better ranking costs", size=(7.0, 4.5))


def _trade_off(axes: Axes, found: dict[str, Any]) -> None:
    history = found["history"]
    best = _best(history, MOST_COST)
    chosen = choose(history, MOST_COST)
    groups: list[tuple[str, str, Callable[[dict[str, Any]], bool]]] = [
        ("trials", report.GREY, lambda trial: not _within_noise(trial, best)),
        (
            f"within noise of the best up to {MOST_COST} times the time",
            report.BLUE,
            lambda trial: _within_noise(trial, best),
        ),
        ("chosen: the cheapest of them", report.RED, lambda trial: trial is chosen),
    ]
    for label, color, belongs in groups:
        trials = [trial for trial in history if belongs(trial)]
        axes.plot([t["cost"] for t in trials], [t["average_precision"] for t in trials], "o", color=color, label=label)
    axes.set_ylim(bottom=max(min(t["average_precision"] for t in history), best["average_precision"] - 0.02))
    axes.set(xlabel="time of one prediction (1 = LightGBM's defaults)", ylabel="average precision, mean of 4 folds")
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
        help="Lending Club's loan.csv, in any format that scoring reads",
    )
    parser.add_argument("--trials", type=int, default=80, help="maximum number of trials (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1_200, help="maximum time (default: %(default)s)")
    parser.add_argument("--on-book", action="store_true", help="search for the on-book model")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="the JSON file to write (default: the committed one of the model)"
    )
    options = parser.parse_args(arguments)
    features = ON_BOOK if options.on_book else LOAN
    output = options.output or estimator.FOUND[features]
    try:
        loans, _ = preparation.prepare(dataset.read(options.data))
        loans = book.of(loans, seed=estimator.SEED, views_per_loan=1, report=print).loans
        learning = loans[~split.held_back(loans)]
        found = search(learning, features, trials=options.trials, seconds=options.seconds)
    except (dataset.DatasetError, preparation.PreparationError, estimator.EstimatorError, SearchError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    output.write_text(json.dumps(found | {"data": dataset.fingerprint(options.data)}, indent=1) + "\n")
    output.with_suffix(".svg").write_text(plot(found))
    print(
        f"{found['made']['trials']} trials: best average precision {found['within_noise_of']:.4f}, chosen "
        f"{found['average_precision']:.4f} "
        f"at {found['cost']:.2f} times the cost of LightGBM's defaults: {found['hyperparameters']}\n"
        f"Wrote {output.name} and {output.with_suffix('.svg').name}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
