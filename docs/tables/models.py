"""Generates the tables about the models in README.md and docs/ from the shipped artifacts."""

import json
from typing import Any

from credit_risk_model import artifact
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.lending_club_book import MONTHS_SINCE_ISSUE
from credit_risk_model.training import synthetic

# Rows that the article lists for the full file, in the order of the steps.
ARTICLE_ROWS = (
    887_379, 887_379, 841_954, 835_167, 835_112, 835_111, 834_889, 834_884, 834_415, 831_103,
)  # fmt: skip


def metadata() -> dict[str, dict[str, Any]]:
    """Return the metadata of both artifacts: `loan` without the age, and `on book` with it."""
    return {
        "loan": artifact.read(artifact.PACKAGED, features=LOAN.specification()).metadata,
        "on book": artifact.read(artifact.PACKAGED_ON_BOOK, features=ON_BOOK.specification()).metadata,
    }


def thresholds() -> str:
    """Return a sentence with the operating thresholds."""
    loan, on_book = (of["threshold"] for of in metadata().values())
    return (
        f"A model answers `risky` if the probability that the loan is risky is at least {on_book:.3f} (on-book model) "
        f"or {loan:.3f} (`credit_risk_model`)."
    )


def inputs() -> str:
    """Return a sentence with the number of inputs."""
    return (
        f"The models use {len(LOAN)} of the {len(synthetic.COLUMNS)} columns. The on-book models also use the age, "
        f"`{MONTHS_SINCE_ISSUE.field}`."
    )


def preparation() -> str:
    """Return the rows that each step of the preparation leaves, here and in the full file."""
    lines = ["| step | rows here | rows of the full file |", "|---|---:|---:|"]
    steps = metadata()["loan"]["data"]["steps"]
    lines += [f"| {name} | {rows:,} | {full:,} |" for (name, rows), full in zip(steps, ARTICLE_ROWS, strict=True)]
    return "\n".join(lines)


def comparison() -> str:
    """Return the figures of the models on each population."""
    lines = [
        "| model | population | current loans called risky | risky loans | mean probability | F1 | average precision "
        "| calibration error |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    found = metadata()
    compared = {"`credit_risk_on_book_model`": found["on book"]["compared"]["this model"]}
    for name, figures in found["loan"]["compared"].items():
        compared[name.replace("this model", "`credit_risk_model`")] = figures
    for population in found["loan"]["compared"]["this model"]:
        for name, by_population in compared.items():
            figures = by_population[population]
            shares = (f"{figures[key]:.1%}" for key in ("current_flagged", "risky_share", "mean_probability"))
            scores = (f"{figures[key]:.3f}" for key in ("f1", "average_precision", "calibration_error"))
            lines.append(f"| {name} | {population} | {' | '.join([*shares, *scores])} |")
    return "\n".join(lines)


def calibration(on_book: bool) -> str:
    """Return the table of the probabilities of a model and the share of risky loans in the rows held out."""
    path = artifact.PACKAGED_ON_BOOK if on_book else artifact.PACKAGED
    evaluation = json.loads(artifact.verify(path)["evaluation.json"])
    lines = ["| mean probability | share that was risky | rows |", "|---:|---:|---:|"]
    for group in evaluation["calibration"]:
        lines.append(f"| {group['predicted']:.3f} | {group['observed']:.3f} | {group['loans']:,} |")
    return "\n".join(lines)
