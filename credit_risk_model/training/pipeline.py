"""From a file of loans to the artifacts of both models with the evidence for them, in one run that can be resumed."""

import hashlib
import json
import pickle
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_risk_model import __version__, artifact, atomic_file
from credit_risk_model.categories import CreditRisk
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.loan_files.survey import Stated
from credit_risk_model.training import (
    book,
    checks,
    comparison,
    dataset,
    estimator,
    evaluation,
    model_card,
    preparation,
    profile,
    reference,
    report,
    self_check,
    split,
    validation,
    views,
)

WORK = Path("build") / "training"

_OF_THE_MODEL = "model_evaluation.html"  # the page of deepchecks about one model; the others are about the loans
_TIMED_ROWS = 300
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

    def take(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` returns, or what it returned before: in this run, or in an earlier one that failed."""
        path = self._folder / f"{name.replace(' ', '_')}.pickle"
        if path.exists():
            print(f"{name}: kept from before")
            return pickle.loads(path.read_bytes())  # type: ignore[no-any-return]  # noqa: S301  # written below
        print(name)
        started = time.monotonic()
        result = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.write(path, pickle.dumps(result))
        print(f"   {time.monotonic() - started:.0f} s")
        return result

    def forget(self) -> None:
        """Remove what was kept: all steps are done."""
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class Kind:
    """One of the two models: its inputs, its name, and where its artifact goes next to the first one."""

    name: str
    features: FeatureSet
    prefix: str


KINDS = (Kind("credit_risk_model", LOAN, ""), Kind("credit_risk_on_book_model", ON_BOOK, "on_book_"))


def run(
    data: Path, output: Path, *, source: str, reports: bool = True, stated: Stated = dataset.NOTHING
) -> dict[str, Any]:
    """Train on the loans in `data`; write the artifact to `output`, and that of the on-book model to `on_book_...`.

    `source` says in words where the loans come from. With `reports`, the models are validated, evaluated in full and
    compared with others, and all that is written into the artifacts. What happens is printed. Returns the metadata of
    the first artifact.

    Raises:
        DatasetError, PreparationError, EstimatorError, ValidationError, ArtifactError: nothing was written.
    """
    fingerprint = dataset.fingerprint(data)
    print(f"Loans: {source}")
    loans, steps = preparation.prepare(
        dataset.read(data, stated=stated), report=lambda step: print(f"  {step.rows:>9,} rows  {step.name}")
    )
    whole = book.of(loans, seed=estimator.SEED, report=lambda words: print(f"Book: {words}."))
    test = split.held_back(whole.loans)
    learning, held_out = whole.loans[~test], whole.loans[test]
    print(f"Split by the hash of each loan: {len(learning):,} rows to learn from, {len(held_out):,} held out.")
    estimator.check_classes(held_out, "held out")

    kept = Steps(f"{fingerprint} {stated}", source)
    learned = {
        kind.name: kept.take(f"model {kind.name}", lambda: _model(learning, kind))  # noqa: B023  # made at once
        for kind in KINDS
    }
    described = {
        "source": source,
        "sha256": fingerprint,
        "years": {f"{year:.0f}": int(n) for year, n in loans[preparation.YEAR].value_counts().sort_index().items()},
        "steps": [[step.name, step.rows] for step in steps],
        "book": whole.words,
        "loans": int(whole.loans[views.LOAN_NUMBER].nunique()),
        "rows": len(whole.loans),
        "learned_from": len(learning),
        "held_back": len(held_out),
        "risky_share": float(np.mean(estimator.is_risky(whole.loans))),
        "statuses": {str(name): int(n) for name, n in whole.loans[dataset.STATUS].value_counts().items()},
    }
    artifacts = []
    for kind in KINDS:
        model = learned[kind.name]
        probability = estimator.probabilities(model.booster, held_out, kind.features)
        flagged = validation.living_book(evaluation.flagged_of_current(held_out, probability, model.threshold))
        validation.stop_at_what_matters([flagged], validation.accepted())
        metadata = {
            "model": kind.name,
            "version": __version__,
            "features": kind.features.specification(),
            "classes": [*CreditRisk],
            "threshold": model.threshold,
            "hyperparameters": estimator.found_hyperparameters(kind.features) | {"seed": estimator.SEED},
            "metrics": evaluation.metrics(estimator.is_risky(held_out), probability, model.threshold),
            "reference": reference.shares(learning, probability, model.threshold, kind.features),
            "data": described,
            "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        }
        members: dict[str, bytes] = {}
        if reports:
            members = _reports(kept, kind, loans, whole, test, model, metadata, flagged)
        _print_metrics(metadata)
        checked = self_check.scored(model.booster, kind.features)
        path = output.with_name(kind.prefix + output.name)
        pages = {name: content for name, content in members.items() if name.endswith(".html")}
        others = {name: content for name, content in members.items() if name not in pages}
        artifacts.append((path, model.booster, metadata, checked, others, pages))
    for each in artifacts:
        artifact.write(*each)
    kept.forget()
    return artifacts[0][2]


def _model(learning: pd.DataFrame, kind: Kind) -> estimator.Learned:
    return estimator.learn(learning, estimator.found_hyperparameters(kind.features), kind.features, progress=kind.name)


def _reports(
    kept: Steps,
    kind: Kind,
    loans: pd.DataFrame,
    whole: book.Book,
    test: NDArray[np.bool_],
    model: estimator.Learned,
    metadata: dict[str, Any],
    flagged: checks.Finding,
) -> dict[str, bytes]:
    """Return the evidence for a model, which is written into its artifact; `metadata` is completed."""
    learning, held_out = whole.loans[~test], whole.loans[test]
    figures, cost = kept.take(
        f"comparison {kind.name}", lambda: _compared(loans, whole, kind.features, held_out, model.booster)
    )
    metadata["compared"] = figures
    _print_table(figures, cost)

    probability = estimator.probabilities(model.booster, held_out, kind.features)
    findings = [
        *kept.take("checks of the loans", lambda: checks.of_loans(loans)),
        *kept.take(
            "checks of the split",
            lambda: checks.of_split(checks.one_view(learning), checks.one_view(held_out)),
        ),
        flagged,
    ]
    reasons = validation.accepted()
    print(f"Checks:\n{validation.table(findings, reasons)}")
    validation.stop_at_what_matters(findings, reasons)
    pages = _pages(kept, kind, loans, learning, held_out, model)
    noted = [finding for page in pages.values() for finding in page.findings]
    if noted:
        print(f"Findings of deepchecks:\n{validation.table(noted, reasons)}")

    evaluated = kept.take(
        f"evaluation of {kind.name}",
        lambda: evaluation.evaluate(held_out, probability, model.threshold, model.booster, progress=True),
    )
    evaluated["populations"] = figures["this model"]
    living = comparison.held_out_living(book.as_recorded(loans))
    evaluated["statuses_of_loans_being_paid"] = evaluation.by_group(
        living, dataset.STATUS, estimator.probabilities(model.booster, living, kind.features), model.threshold
    )
    notice = report.notice(kind.name, metadata["data"])
    members = {
        "model_card.md": model_card.text(metadata, evaluated, kind.features).encode(),
        "evaluation.html": report.page(evaluated, figures, kind.name, notice),
        "evaluation.json": _json(evaluated),
        "validation.json": _json(validation.as_json([*findings, *noted], reasons)),
    }
    of_both_models = report.notice(" and ".join(each.name for each in KINDS), metadata["data"])
    members |= {
        name: report.with_notice(page.page, notice if name == _OF_THE_MODEL else of_both_models)
        for name, page in pages.items()
    }
    if kind.features is LOAN and profile.is_installed():
        columns = [*LOAN.names, preparation.RISK, preparation.YEAR]
        page = kept.take("profile of the loans", lambda: profile.page(loans[columns]))
        members["profile.html"] = report.with_notice(page, of_both_models)
    return members


def _pages(
    kept: Steps,
    kind: Kind,
    loans: pd.DataFrame,
    learning: pd.DataFrame,
    held_out: pd.DataFrame,
    model: estimator.Learned,
) -> dict[str, validation.Report]:
    """Return the reports of deepchecks by the names of their pages; none where it is not installed."""
    if not validation.has_deepchecks():
        print("deepchecks is not installed (the extra `reports`): its pages are left out.")
        return {}
    pages = {
        _OF_THE_MODEL: kept.take(
            f"page of {kind.name}",
            lambda: validation.model_evaluation(learning, held_out, model.booster, model.threshold, kind.features),
        )
    }
    if kind.features is LOAN:  # what is known of the loans is the same for both models, and packaged once
        pages["data_integrity.html"] = kept.take("page of the loans", lambda: validation.data_integrity(loans))
        pages["train_test_validation.html"] = kept.take(
            "page of the split", lambda: validation.train_test_validation(learning, held_out)
        )
    return pages


def _compared(
    loans: pd.DataFrame,
    whole: book.Book,
    features: FeatureSet,
    held_out: pd.DataFrame,
    booster: lightgbm.Booster,
) -> tuple[comparison.Figures, dict[str, float]]:
    """Return the figures of all models on the same rows, and the seconds that each takes for one loan."""
    figures, boosters = comparison.compare(loans, whole, features, seed=estimator.SEED)
    rows = features.encode_frame(held_out.head(_TIMED_ROWS))
    return figures, evaluation.seconds_per_loan(boosters | {"this model": booster}, rows)


def _print_metrics(metadata: dict[str, Any]) -> None:
    words = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in metadata["metrics"].items())
    print(f"{metadata['model']}, on the rows of the book held out, threshold {metadata['threshold']:.4f}: {words}")


def _print_table(measured: comparison.Figures, seconds: dict[str, float]) -> None:
    for population in measured["this model"]:
        print(f"On {population} ({comparison.POPULATIONS[population]}):")
        print(" " * 36 + "".join(f"{title:>12}" for title in _COLUMNS.values()))
        for model, figures in measured.items():
            print(f"  {model:<34}" + "".join(f"{figures[population][name]:>12.4f}" for name in _COLUMNS))
    for model, taken in seconds.items():
        print(f"  one loan: {model:<34}{taken * 1e6:>8.0f} us, {taken / seconds['this model']:.2f} times this model's")


_COLUMNS = {
    "risky_share": "risky",
    "mean_probability": "mean prob.",
    "current_flagged": "of current",
    "precision": "precision",
    "recall": "recall",
    "f1": "f1",
    "average_precision": "avg. prec.",
    "calibration_error": "calibration",
}


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
