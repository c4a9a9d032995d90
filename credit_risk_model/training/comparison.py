"""How good a model is compared with others, on each population that it may meet."""

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from credit_risk_model import months
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import MONTHS_SINCE_ISSUE, ON_BOOK
from credit_risk_model.training import book, estimator, evaluation, split, validation
from credit_risk_model.training.dataset import STATUS
from credit_risk_model.training.preparation import ISSUE_MONTH, YEAR

BOOK, RECORDED, LIVING, LATER = "the book", "the loans as recorded", "loans being paid", "loans issued later"
POPULATIONS = {
    BOOK: "loans held out, with the ages and statuses of the book",
    RECORDED: "the same loans, as the file has them",
    LIVING: f"those of them that were being paid or late when they were recorded in {months.text(book.MONTH)}, as the "
    "file has them; none of these rows is a computed view",
    LATER: "loans of the book issued from 2012 on; the models learned from loans issued until 2011. Where views are "
    "drawn, they match the statuses of the whole book, so these models know the status shares of the later loans. The "
    f"limit of {validation.current_limit():.1%} for current loans called risky is checked on the book only, not here",
}

_FIRST_LATER = 2012
_PAYMENTS = ["LastPaymentAmount", "TotalPaymentsToDate"]

Figures = dict[str, dict[str, dict[str, float]]]  # of each model, on each population


def compare(
    loans: pd.DataFrame, whole: book.Book, features: FeatureSet, *, seed: int
) -> tuple[Figures, dict[str, lightgbm.Booster]]:
    """Return the figures of models that learned in the same way from the same rows, and those that learned the book.

    `loans` are as recorded, `whole` is the book of them. The threshold of each model is chosen on validation rows, with
    the model that is judged: it never saw those rows.
    """
    recorded = book.as_recorded(loans)
    later = whole.loans[whole.loans[YEAR] >= _FIRST_LATER]
    living = held_out_living(recorded)
    early_loans = loans[loans[YEAR] < _FIRST_LATER].reset_index(drop=True)
    if whole.drawn:
        early = book.draw(early_loans, book.VIEWS_PER_LOAN * len(early_loans), seed=seed)
    else:
        early = book.as_recorded(early_loans)
    early_recorded = book.as_recorded(early_loans)
    learning, held_out = _halves(whole.loans)
    recorded_learning, recorded_held_out = _halves(recorded)

    figures: Figures = {}
    boosters = {}
    for name, (hyperparameters, as_recorded, change) in _models(features).items():

        def learned(rows: pd.DataFrame) -> estimator.Learned:
            return estimator.learn(change(rows), hyperparameters, features, refit=False, progress=name)  # noqa: B023

        def judged(by: estimator.Learned, rows: pd.DataFrame) -> dict[str, float]:
            rows = change(rows)  # noqa: B023
            return evaluation.population(rows, estimator.probabilities(by.booster, rows, features), by.threshold)

        of_all = learned(recorded_learning if as_recorded else learning)
        of_early = learned(early_recorded if as_recorded else early)
        judgements = {
            BOOK: (of_all, held_out),
            RECORDED: (of_all, recorded_held_out),
            LIVING: (of_all, living),
            LATER: (of_early, later),
        }
        figures[name] = {
            population: judged(by, rows)
            for population, (by, rows) in judgements.items()
            if 0 < estimator.is_risky(rows).sum() < len(rows)  # otherwise there is nothing to rank
        }
        boosters[name] = of_all.booster
    return figures, boosters


def held_out_living(recorded: pd.DataFrame) -> pd.DataFrame:
    """Return the loans held out that were not finished when they were recorded in the month of the book.

    `recorded` has the loans with their ages, as `book.as_recorded` returns them.
    """
    unfinished = ~recorded[STATUS].isin(["Fully Paid", "Charged Off"])
    in_month = recorded[ISSUE_MONTH] + recorded[MONTHS_SINCE_ISSUE.name] == book.MONTH
    living = recorded[unfinished & in_month]
    return living[split.held_back(living)]


Model = tuple[dict[str, Any], bool, Callable[[pd.DataFrame], pd.DataFrame]]


def _models(features: FeatureSet) -> dict[str, Model]:
    """Return for each model its hyperparameters, whether it learns from loans as recorded, and what it is shown."""
    found = estimator.found_hyperparameters(features)

    def without_payments(loans: pd.DataFrame) -> pd.DataFrame:
        # A column of one value takes no part in a fit.
        return loans.assign(**dict.fromkeys(_PAYMENTS, np.float64(0)))

    models: dict[str, Model] = {
        "this model": (found, False, _unchanged),
        "LightGBM's defaults": (estimator.LIGHTGBM_DEFAULTS, False, _unchanged),
        "the article's configuration": (estimator.ARTICLE, False, _unchanged),
    }
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
