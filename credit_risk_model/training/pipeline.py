"""From a file of loans to an artifact, in one run."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from credit_risk_model import __version__, artifact, features
from credit_risk_model.categories import CreditRisk
from credit_risk_model.training import dataset, estimator, evaluation, preparation, split

_TIMED_ROWS = 300


def run(data: Path, output: Path, *, source: str, compare: bool = True) -> dict[str, Any]:
    """Train on the loans in `data` and write the artifact to `output`; return its metadata.

    `source` says in words where the loans come from. With `compare`, LightGBM's defaults and the article's
    configuration are fitted to the same rows and measured beside the model. What happens is printed.

    Raises:
        DatasetError, PreparationError, EstimatorError, ArtifactError: nothing was written.
    """
    print(f"Loans: {source}")
    loans, steps = preparation.prepare(
        dataset.read(data), report=lambda step: print(f"  {step.rows:>9,} rows  {step.name}")
    )
    test = split.held_back(loans)
    validation = split.for_validation(loans)
    learning, held_back = loans[~test], loans[test]
    print(f"Split by the hash of each loan: {len(learning):,} to learn from, {len(held_back):,} held back.")

    # The threshold is chosen on rows that the model it is chosen with has not seen. The model that is kept learns
    # from those rows too.
    rehearsal = estimator.fit(loans[~test & ~validation], progress="choosing the threshold")
    threshold = estimator.choose_threshold(
        estimator.is_risky(loans[validation]), estimator.probabilities(rehearsal, loans[validation])
    )
    booster = estimator.fit(learning, progress="fitting the model")

    boosters = {"this model": booster}
    if compare:
        boosters["LightGBM's defaults"] = estimator.fit(learning, estimator.LIGHTGBM_DEFAULTS, progress="defaults")
        boosters["the article's configuration"] = estimator.fit(learning, estimator.ARTICLE, progress="article")
    measured = {
        # The others have no threshold of their own: theirs is 0.5, as `LGBMClassifier.predict` has it.
        name: evaluation.metrics(
            estimator.is_risky(held_back),
            estimator.probabilities(candidate, held_back),
            threshold if candidate is booster else 0.5,
        )
        for name, candidate in boosters.items()
    }
    _print_table(
        measured,
        evaluation.seconds_per_loan(boosters, features.encode_frame(held_back.head(_TIMED_ROWS))),
    )

    metadata = {
        "model": "credit_risk_model",
        "version": __version__,
        "features": features.specification(),
        "classes": [*CreditRisk],
        "threshold": threshold,
        "hyperparameters": estimator.HYPERPARAMETERS | {"seed": estimator.SEED},
        "metrics": measured.pop("this model"),
        "compared": measured,
        "data": {
            "source": source,
            "sha256": dataset.fingerprint(data),
            "steps": [[step.name, step.rows] for step in steps],
            "learned_from": len(learning),
            "held_back": len(held_back),
            "risky_share": float(np.mean(estimator.is_risky(loans))),
        },
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("lightgbm", "numpy", "pandas", "scikit-learn")},
    }
    artifact.write(output, booster, metadata)
    return metadata


def _print_table(measured: dict[str, dict[str, float]], seconds: dict[str, float]) -> None:
    names = list(measured["this model"])
    print("On the loans held back (ratio: the time for one loan, to this model's):")
    header = [name.replace("average_precision", "avg. prec.") for name in names]
    print(" " * 30 + "".join(f"{name:>12}" for name in [*header, "us per loan", "ratio"]))
    for model, figures in measured.items():
        cost = f"{seconds[model] * 1e6:>12.0f}{seconds[model] / seconds['this model']:>12.2f}"
        print(f"  {model:<28}" + "".join(f"{figures[name]:>12.4f}" for name in names) + cost)
