"""From a file of loans to an artifact with all the evidence for its model, in one run that can be taken up again."""

import hashlib
import json
import pickle
import platform
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_risk_model import __version__, artifact, features
from credit_risk_model.categories import CreditRisk
from credit_risk_model.training import (
    dataset,
    estimator,
    evaluation,
    model_card,
    preparation,
    profile,
    report,
    self_check,
    split,
    validation,
)

WORK = Path("build") / "training"

_TIMED_ROWS = 300
_PAYMENTS = ["LastPaymentAmount", "TotalPaymentsToDate"]
_LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn")

T = TypeVar("T")


class Steps:
    """Steps whose results are kept until all are done, so that a run goes on at the step that failed.

    Results are kept for one file of loans, one source text, one state of the code, and one set of libraries.
    """

    def __init__(self, fingerprint: str, source: str) -> None:
        package = Path(__file__).parent.parent
        code = [path.read_bytes() for path in sorted(package.rglob("*")) if path.suffix in (".py", ".json", ".yaml")]
        about = [fingerprint, source, *(version(name) for name in _LIBRARIES)]
        key = hashlib.sha256(b"\0".join([*code, *(word.encode() for word in about)])).hexdigest()
        self._folder = WORK / key[:16]

    def take(self, number: int, name: str, make: Callable[[], T]) -> T:
        """Return what `make` returns, or what it returned in an earlier run that failed later."""
        path = self._folder / f"{number}.pickle"
        if path.exists():
            print(f"{number}. {name}: kept from the run before")
            return pickle.loads(path.read_bytes())  # type: ignore[no-any-return]  # noqa: S301  # written below
        print(f"{number}. {name}")
        started = time.monotonic()
        result = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(pickle.dumps(result))
        unfinished.replace(path)
        print(f"   {time.monotonic() - started:.0f} s")
        return result

    def forget(self) -> None:
        """Remove what was kept: all steps are done."""
        shutil.rmtree(self._folder, ignore_errors=True)


def run(data: Path, output: Path, *, source: str, reports: bool = True) -> dict[str, Any]:
    """Train on the loans in `data` and write the artifact to `output`; return its metadata.

    `source` says in words where the loans come from. With `reports`, the model is validated, evaluated in full and
    compared with others, and all that is written into the artifact. What happens is printed.

    Raises:
        DatasetError, PreparationError, EstimatorError, ValidationError, ArtifactError: nothing was written.
    """
    fingerprint = dataset.fingerprint(data)
    print(f"Loans: {source}")
    loans, steps = preparation.prepare(
        dataset.read(data), report=lambda step: print(f"  {step.rows:>9,} rows  {step.name}")
    )
    test = split.held_back(loans)
    learning, held_back = loans[~test], loans[test]
    print(f"Split by the hash of each loan: {len(learning):,} to learn from, {len(held_back):,} held back.")

    validation_rows = split.for_validation(learning)
    estimator.check_classes(learning[~validation_rows], "to fit to")
    estimator.check_classes(learning[validation_rows], "to choose the threshold on")
    estimator.check_classes(held_back, "held back")

    kept = Steps(fingerprint, source)
    threshold, booster = kept.take(1, "model", lambda: _model(learning, validation_rows))
    measured = evaluation.metrics(estimator.is_risky(held_back), estimator.probabilities(booster, held_back), threshold)
    metadata = {
        "model": "credit_risk_model",
        "version": __version__,
        "features": features.specification(),
        "classes": [*CreditRisk],
        "threshold": threshold,
        "hyperparameters": estimator.found_hyperparameters() | {"seed": estimator.SEED},
        "metrics": measured,
        "data": {
            "source": source,
            "sha256": fingerprint,
            "years": {f"{year:.0f}": int(n) for year, n in loans[preparation.YEAR].value_counts().sort_index().items()},
            "steps": [[step.name, step.rows] for step in steps],
            "learned_from": len(learning),
            "held_back": len(held_back),
            "risky_share": float(np.mean(estimator.is_risky(loans))),
        },
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
    }
    members: dict[str, bytes] = {}
    if not reports:
        _print_table({"this model": measured}, {})
    else:
        metadata["compared"], members = _reports(kept, loans, test, booster, metadata)
    artifact.write(output, booster, metadata, self_check.scored(booster), members)
    kept.forget()
    return metadata


def _model(
    learning: pd.DataFrame, validation_rows: NDArray[np.bool_], name: str = "model"
) -> tuple[float, lightgbm.Booster]:
    """Return the operating threshold and the model.

    The threshold is chosen on rows that the model it is chosen with has not seen. The model that is kept learns from
    those rows too.
    """
    hyperparameters = estimator.found_hyperparameters()
    rehearsal = estimator.fit(learning[~validation_rows], hyperparameters, progress=f"threshold of the {name}")
    unseen = learning[validation_rows]
    threshold = estimator.choose_threshold(estimator.is_risky(unseen), estimator.probabilities(rehearsal, unseen))
    return threshold, estimator.fit(learning, hyperparameters, progress=name)


def _reports(
    kept: Steps, loans: pd.DataFrame, test: NDArray[np.bool_], booster: lightgbm.Booster, metadata: dict[str, Any]
) -> tuple[dict[str, dict[str, float]], dict[str, bytes]]:
    learning, held_back, threshold = loans[~test], loans[test], metadata["threshold"]
    compared, cost = kept.take(2, "comparison with other models", lambda: _compared(learning, held_back, booster))
    _print_table({"this model": metadata["metrics"], **compared}, cost)

    found = [
        kept.take(3, "validation of the loans", lambda: validation.data_integrity(loans)),
        kept.take(4, "validation of the split", lambda: validation.train_test_validation(learning, held_back)),
        kept.take(
            5, "validation of the model", lambda: validation.model_evaluation(learning, held_back, booster, threshold)
        ),
    ]
    findings = [finding for each in found for finding in each.findings]
    reasons = validation.accepted()
    validation.stop_at_what_matters(findings, reasons)

    evaluated = kept.take(
        6,
        "evaluation",
        lambda: evaluation.evaluate(
            held_back, estimator.probabilities(booster, held_back), threshold, booster, progress=True
        ),
    )
    profiled = kept.take(7, "profile of the loans", lambda: profile.page(loans))
    print(f"Checks:\n{validation.table(findings, reasons)}")
    return compared, {
        "model_card.md": model_card.text(metadata | {"compared": compared}, evaluated).encode(),
        "evaluation.html": report.page(evaluated, compared, metadata["data"]["source"]),
        "evaluation.json": _json(evaluated),
        "profile.html": profiled,
        "validation.json": _json(validation.as_json(findings, reasons)),
    } | {f"{each.findings[0].suite}.html": each.page for each in found}


def _compared(
    learning: pd.DataFrame, held_back: pd.DataFrame, booster: lightgbm.Booster
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return the figures of other models on the same rows, and the seconds that each takes for one loan."""
    risky = estimator.is_risky(held_back)
    boosters = {"this model": booster}
    figures = {}
    for name, hyperparameters in (
        ("LightGBM's defaults", estimator.LIGHTGBM_DEFAULTS),
        ("the article's configuration", estimator.ARTICLE),
    ):
        boosters[name] = estimator.fit(learning, hyperparameters, progress=name)
        # They have no threshold of their own: theirs is 0.5, as `LGBMClassifier.predict` has it.
        figures[name] = evaluation.metrics(risky, estimator.probabilities(boosters[name], held_back), 0.5)

    # A column of one value takes no part in a fit.
    name, nothing = "this model without payments", dict.fromkeys(_PAYMENTS, 0.0)
    threshold, blind = _model(learning.assign(**nothing), split.for_validation(learning), name)
    figures[name] = evaluation.metrics(risky, estimator.probabilities(blind, held_back.assign(**nothing)), threshold)
    rows = features.encode_frame(held_back.head(_TIMED_ROWS))
    return figures, evaluation.seconds_per_loan(boosters, rows)


def _print_table(measured: dict[str, dict[str, float]], seconds: dict[str, float]) -> None:
    names = list(measured["this model"])
    header = [name.replace("average_precision", "avg. prec.") for name in names]
    print("On the loans held back (ratio: the time for one loan, to this model's):")
    print(" " * 30 + "".join(f"{name:>12}" for name in [*header, "us per loan", "ratio"]))
    for model, figures in measured.items():
        cost = ""
        if model in seconds:
            cost = f"{seconds[model] * 1e6:>12.0f}{seconds[model] / seconds['this model']:>12.2f}"
        print(f"  {model:<28}" + "".join(f"{figures[name]:>12.4f}" for name in names) + cost)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
