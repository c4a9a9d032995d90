"""What the compared models learn from, and the rows that they are judged on; the loans are synthetic."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import lightgbm
import pandas as pd
import pytest

from credit_risk_model import lending_club_book
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.lending_club import STATUS
from credit_risk_model.training import book, comparison, estimator, evaluation, split
from credit_risk_model.training.comparison import BOOK, LATER, LIVING, POPULATIONS, RECORDED
from credit_risk_model.training.preparation import ISSUE_MONTH, YEAR


class Run(NamedTuple):
    """A comparison with small models: the rows of each fit and of each judgement, and the figures."""

    fitted: list[pd.DataFrame]
    judged: list[pd.DataFrame]
    figures: comparison.Figures


@pytest.fixture(scope="module", params=[LOAN, ON_BOOK], ids=["without the age", "with the age"])
def run(prepared_loans: pd.DataFrame, request: pytest.FixtureRequest) -> Iterator[Run]:
    fitted: list[pd.DataFrame] = []
    judged: list[pd.DataFrame] = []
    fit, population = estimator.fit, evaluation.population

    def recorded_fit(loans: pd.DataFrame, _: Any, features: FeatureSet, **options: Any) -> lightgbm.Booster:
        fitted.append(loans)
        return fit(loans, {"n_estimators": 3}, features, **options)

    def recorded_population(loans: pd.DataFrame, *arguments: Any) -> dict[str, float]:
        judged.append(loans)
        return population(loans, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimator, "fit", recorded_fit)
        patch.setattr(evaluation, "population", recorded_population)
        whole = book.of(prepared_loans, seed=1)
        figures, _ = comparison.compare(prepared_loans, whole, request.param, {}, seed=1)
        yield Run(fitted, judged, figures)


def test_each_model_is_judged_on_each_population(run: Run) -> None:
    assert "the article's configuration" in run.figures
    assert all(list(figures) == list(POPULATIONS) for figures in run.figures.values())
    assert len(run.judged) == len(POPULATIONS) * len(run.figures)
    assert len(run.fitted) == 2 * len(run.figures)


def test_no_model_learns_from_loans_held_out(run: Run) -> None:
    for learned in run.fitted[::2]:
        assert not split.held_back(learned).any()
    for position, population in enumerate(POPULATIONS):
        if population != LATER:
            assert all(split.held_back(rows).all() for rows in run.judged[position :: len(POPULATIONS)]), population


def test_the_models_judged_on_later_loans_learn_from_earlier_ones(run: Run) -> None:
    later = list(POPULATIONS).index(LATER)

    assert all((learned[YEAR] < 2012).all() for learned in run.fitted[1::2])
    assert all((rows[YEAR] >= 2012).all() for rows in run.judged[later :: len(POPULATIONS)])


def test_loans_being_paid_are_as_recorded_in_the_month_of_the_book(run: Run) -> None:
    figures = run.figures["this model"]
    living = run.judged[list(POPULATIONS).index(LIVING)]
    recorded = run.judged[list(POPULATIONS).index(RECORDED)]

    assert not living[STATUS].isin(["Fully Paid", "Charged Off"]).any()
    assert (living[ISSUE_MONTH] + living["MonthsSinceIssue"] == lending_club_book.BOOK_MONTH).all()
    assert living.index.isin(recorded.index).all()
    assert 0 < figures[LIVING]["loans"] < figures[RECORDED]["loans"] < figures[BOOK]["loans"]


def test_a_population_of_one_class_is_left_out(prepared_loans: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimator, "ARTICLE", {"n_estimators": 3})
    finished = prepared_loans[prepared_loans[STATUS].isin(["Fully Paid", "Charged Off", "Current"])]
    loans = finished.reset_index(drop=True)

    figures, _ = comparison.compare(loans, book.of(loans, seed=1), ON_BOOK, {"n_estimators": 3}, seed=1)

    assert list(figures["this model"]) == [BOOK, RECORDED, LATER]
