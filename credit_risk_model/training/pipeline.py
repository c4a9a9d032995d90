"""Creates the artifacts of the models, with their evidence, from a file of loans."""

import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_risk_model import __version__, artifact
from credit_risk_model.categories import CreditRisk
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.lending_club import STATUS
from credit_risk_model.loan_files.survey import NOTHING, Stated
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
from credit_risk_model.training.steps import Steps

_OF_THE_MODEL = "model_evaluation.html"  # deepchecks' page about a model; its other pages are about the loans
_LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn")


@dataclass(frozen=True)
class Kind:
    """One of the models: its name, its inputs, and the prefix of its file names."""

    name: str
    features: FeatureSet
    prefix: str


KINDS = [Kind("credit_risk_model", LOAN, "")]
if ON_BOOK:
    KINDS.append(Kind("credit_risk_on_book_model", ON_BOOK, "on_book_"))


def run(data: Path, output: Path, *, source: str, reports: bool = True, stated: Stated = NOTHING) -> dict[str, Any]:
    """Train on the loans in `data`; write the artifact to `output`, and that of the on-book model to `on_book_...`.

    `source` describes the loans. With `reports`, the models are checked, evaluated in full and compared with other
    models, and the artifacts contain the results. The progress is printed. Returns the metadata of the first artifact.

    Raises:
        DatasetError, PreparationError, EstimatorError, ValidationError, ArtifactError: no artifact was written.
    """
    fingerprint = dataset.fingerprint(data)
    print(f"Loans: {source}")
    loans, prepared = preparation.prepare(
        dataset.read(data, stated=stated), report=lambda step: print(f"  {step.rows:>9,} rows  {step.name}")
    )
    whole = book.of(loans, seed=estimator.SEED, report=lambda words: print(f"Book: {words}."))
    test = split.held_back(whole.loans)
    learning, held_out = whole.loans[~test], whole.loans[test]
    print(f"Split by a hash of each loan: {len(learning):,} rows for training, {len(held_out):,} held out.")
    estimator.check_classes(held_out, "held out")

    steps = Steps()
    learned = {
        kind.name: steps.take(
            f"model {kind.name}",
            estimator.learn,
            learning,
            estimator.found_hyperparameters(kind.features),
            kind.features,
            progress=kind.name,
        )
        for kind in KINDS
    }
    described = {
        "source": source,
        "sha256": fingerprint,
        "years": _years(loans),
        "steps": [[step.name, step.rows] for step in prepared],
        "book": whole.words,
        "loans": int(whole.loans[views.LOAN_NUMBER].nunique()),
        "rows": len(whole.loans),
        "learned_from": len(learning),
        "held_back": len(held_out),
        "constant": checks.constant_inputs(loans),
        "risky_share": float(np.mean(estimator.is_risky(whole.loans))),
        "statuses": {str(name): int(n) for name, n in whole.loans[STATUS].value_counts().items()},
    }
    artifacts = []
    for kind in KINDS:
        model = learned[kind.name]
        probability = estimator.probabilities(model.booster, held_out, kind.features)
        judged = [checks.of_model(estimator.is_risky(held_out), probability)]
        if ON_BOOK:
            share = evaluation.flagged_of_current(held_out, probability, model.threshold)
            judged = [validation.living_book(share), *judged]
        validation.stop_at_what_matters(judged, validation.accepted())
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
            members = _reports(steps, kind, loans, whole, test, model, metadata, judged)
        _print_metrics(metadata)
        checked = self_check.scored(model.booster, kind.features)
        path = output.with_name(kind.prefix + output.name)
        pages = {name: content for name, content in members.items() if name.endswith(".html")}
        others = {name: content for name, content in members.items() if name not in pages}
        artifacts.append((path, model.booster, metadata, checked, others, pages))
    for each in artifacts:
        artifact.write(*each)
    steps.forget()
    return artifacts[0][2]


def _reports(
    steps: Steps,
    kind: Kind,
    loans: pd.DataFrame,
    whole: book.Book,
    test: NDArray[np.bool_],
    model: estimator.Learned,
    metadata: dict[str, Any],
    judged: list[checks.Finding],
) -> dict[str, bytes]:
    """Return the evidence for a model as the members of its artifact; add the comparison to `metadata`."""
    learning, held_out = whole.loans[~test], whole.loans[test]
    figures, cost = steps.take(
        f"comparison {kind.name}",
        comparison.measure,
        loans,
        whole,
        kind.features,
        estimator.found_hyperparameters(kind.features),
        model.booster,
        seed=estimator.SEED,
    )
    metadata["compared"] = figures
    _print_table(figures, cost)

    probability = estimator.probabilities(model.booster, held_out, kind.features)
    findings = [
        *steps.take("checks of the loans", checks.of_loans, loans),
        *steps.take("checks of the split", checks.of_split, checks.one_view(learning), checks.one_view(held_out)),
        *judged,
    ]
    reasons = validation.accepted()
    print(f"Checks:\n{validation.table(findings, reasons)}")
    validation.stop_at_what_matters(findings, reasons)
    pages = _pages(steps, kind, loans, learning, held_out, model)
    noted = [finding for page in pages.values() for finding in page.findings]
    if noted:
        print(f"Findings of deepchecks:\n{validation.table(noted, reasons)}")

    evaluated = steps.take(
        f"evaluation of {kind.name}",
        evaluation.evaluate,
        held_out,
        probability,
        model.threshold,
        model.booster,
        progress=True,
    )
    evaluated["populations"] = figures["this model"]
    if ON_BOOK:
        living = comparison.held_out_living(book.as_recorded(loans))
        evaluated["statuses_of_loans_being_paid"] = evaluation.by_group(
            living, STATUS, estimator.probabilities(model.booster, living, kind.features), model.threshold
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
        page = steps.take("profile of the loans", profile.page, loans[[name for name in columns if name in loans]])
        members["profile.html"] = report.with_notice(page, of_both_models)
    return members


def _pages(
    steps: Steps,
    kind: Kind,
    loans: pd.DataFrame,
    learning: pd.DataFrame,
    held_out: pd.DataFrame,
    model: estimator.Learned,
) -> dict[str, validation.Report]:
    """Return the reports of deepchecks by the names of their pages, or none if it is not installed."""
    if not validation.has_deepchecks():
        print("deepchecks is not installed (the extra `reports`), so its pages are left out.")
        return {}
    pages = {
        _OF_THE_MODEL: steps.take(
            f"page of {kind.name}",
            validation.model_evaluation,
            learning,
            held_out,
            model.booster,
            model.threshold,
            kind.features,
        )
    }
    if kind.features is LOAN:  # the pages about the loans are the same for both models
        pages["data_integrity.html"] = steps.take("page of the loans", validation.data_integrity, loans)
        pages["train_test_validation.html"] = steps.take(
            "page of the split", validation.train_test_validation, learning, held_out
        )
    return pages


def _years(loans: pd.DataFrame) -> dict[str, int]:
    """Return the number of loans by year of issue, or nothing if no column has it."""
    if preparation.YEAR not in loans:
        return {}
    return {f"{year:.0f}": int(n) for year, n in loans[preparation.YEAR].value_counts().sort_index().items()}


def _print_metrics(metadata: dict[str, Any]) -> None:
    words = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in metadata["metrics"].items())
    print(f"{metadata['model']}, on the held-out rows, threshold {metadata['threshold']:.4f}: {words}")


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
    **({"current_flagged": "of current"} if ON_BOOK else {}),
    "precision": "precision",
    "recall": "recall",
    "f1": "f1",
    "average_precision": "avg. prec.",
    "calibration_error": "calibration",
}


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
