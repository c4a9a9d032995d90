"""Compares a model with other models, on each population of loans that it may be used for."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from credit_risk_model import months
from credit_risk_model.artifact.library import lightgbm
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import ON_BOOK
from credit_risk_model.lending_club import STATUS
from credit_risk_model.lending_club_book import BOOK_MONTH, FINISHED, FIRST_LATER_YEAR, MONTHS_SINCE_ISSUE, PAYMENTS
from credit_risk_model.training import book, estimator, evaluation, split, validation
from credit_risk_model.training.preparation import ISSUE_MONTH, YEAR

BOOK, RECORDED, LIVING, LATER = "the book", "the loans as recorded", "loans being paid", "loans issued later"
HELD_OUT = "the loans held out"  # if there is no book
_OF_A_BOOK = {
    BOOK: "loans held out, with the ages and statuses of the book",
    RECORDED: "the same loans, as they are in the file",
    LIVING: f"those of the recorded loans that were being paid or late in {months.text(BOOK_MONTH)}; none of these "
    "rows is a computed view",
    LATER: "loans of the book issued from 2012 on; the models were trained on loans issued until 2011. If views are "
    "drawn, they match the statuses of the whole book, so the training used the status shares of the later loans. The "
    f"limit of {validation.current_limit():.1%} for current loans called risky is checked on the book only, not here",
}
POPULATIONS = _OF_A_BOOK if ON_BOOK else {HELD_OUT: "as recorded"}

_TIMED_ROWS = 300

Figures = dict[str, dict[str, dict[str, float]]]  # of each model, on each population


def measure(
    loans: pd.DataFrame,
    whole: book.Book,
    features: FeatureSet,
    hyperparameters: dict[str, Any],
    booster: lightgbm.Booster,
    *,
    seed: int,
) -> tuple[Figures, dict[str, float]]:
    """Return the figures of all models on the same rows, and the seconds that each one needs for one loan.

    `booster` is the trained model with these features and hyperparameters.
    """
    figures, boosters = compare(loans, whole, features, hyperparameters, seed=seed)
    _, held_out = _halves(whole.loans)
    rows = features.encode_frame(held_out.head(_TIMED_ROWS))
    return figures, evaluation.seconds_per_loan(boosters | {"this model": booster}, rows)


def compare(
    loans: pd.DataFrame, whole: book.Book, features: FeatureSet, hyperparameters: dict[str, Any], *, seed: int
) -> tuple[Figures, dict[str, lightgbm.Booster]]:
    """Return the figures of the models, and the models trained on the book, by their names.

    All models are trained in the same way. `loans` are as recorded, and `whole` is their book. The threshold of each
    model is chosen on validation rows that the model was not trained on.
    """
    figures: Figures = {}
    boosters: dict[str, lightgbm.Booster] = {}
    trainings = _trainings(loans, whole, seed)
    for name, (parameters, as_recorded, change) in _models(features, hyperparameters).items():
        figures[name] = {}
        for training in trainings:
            rows = change(training.recorded if as_recorded else training.rows)
            learned = estimator.learn(rows, parameters, features, refit=False, progress=name)
            boosters.setdefault(name, learned.booster)
            for population, held_out in training.held_out.items():
                if 0 < estimator.is_risky(held_out).sum() < len(held_out):  # a ranking needs both classes
                    judged = change(held_out)
                    probability = estimator.probabilities(learned.booster, judged, features)
                    figures[name][population] = evaluation.population(judged, probability, learned.threshold)
    return figures, boosters


class _Training(NamedTuple):
    """The rows to learn from, and the same loans as recorded; and by population, the rows to judge a model on."""

    rows: pd.DataFrame
    recorded: pd.DataFrame
    held_out: dict[str, pd.DataFrame]


def _trainings(loans: pd.DataFrame, whole: book.Book, seed: int) -> list[_Training]:
    learning, held_out = _halves(whole.loans)
    if not ON_BOOK:
        return [_Training(learning, learning, {HELD_OUT: held_out})]
    recorded = book.as_recorded(loans)
    recorded_learning, recorded_held_out = _halves(recorded)
    early_loans = loans[loans[YEAR] < FIRST_LATER_YEAR].reset_index(drop=True)
    early_recorded = book.as_recorded(early_loans)
    early = book.draw(early_loans, book.VIEWS_PER_LOAN * len(early_loans), seed=seed) if whole.drawn else early_recorded
    populations = {BOOK: held_out, RECORDED: recorded_held_out, LIVING: held_out_living(recorded)}
    later = whole.loans[whole.loans[YEAR] >= FIRST_LATER_YEAR]
    return [
        _Training(learning, recorded_learning, populations),
        _Training(early, early_recorded, {LATER: later}),
    ]


def held_out_living(recorded: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out loans that were recorded in the month of the book and had not ended.

    `recorded` is the result of `book.as_recorded`.
    """
    unfinished = ~recorded[STATUS].isin(FINISHED)
    in_month = recorded[ISSUE_MONTH] + recorded[MONTHS_SINCE_ISSUE.name] == BOOK_MONTH
    living = recorded[unfinished & in_month]
    return living[split.held_back(living)]


Model = tuple[dict[str, Any], bool, Callable[[pd.DataFrame], pd.DataFrame]]


def _models(features: FeatureSet, found: dict[str, Any]) -> dict[str, Model]:
    """Return for each model its hyperparameters, if it is trained on loans as recorded, and a change of its rows."""

    def without_payments(loans: pd.DataFrame) -> pd.DataFrame:
        # LightGBM ignores a constant column.
        return loans.assign(**dict.fromkeys(PAYMENTS, np.float64(0)))

    models: dict[str, Model] = {
        "this model": (found, False, _unchanged),
        "LightGBM's defaults": (estimator.LIGHTGBM_DEFAULTS, False, _unchanged),
    }
    if not ON_BOOK:
        return models
    models["the article's configuration"] = (estimator.ARTICLE, False, _unchanged)
    if features is ON_BOOK:
        return models | {"this model without the age": (found, False, lambda loans: loans.assign(MonthsSinceIssue=0.0))}
    return models | {
        "learned from the loans as recorded": (found, True, _unchanged),
        "this model without payments": (found, False, without_payments),
    }


def _unchanged(loans: pd.DataFrame) -> pd.DataFrame:
    return loans


def _halves(loans: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    held_out = split.held_back(loans)
    return loans[~held_out], loans[held_out]
