"""Describes the book of loans that the models are made for, and draws such a book from other extracts."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_risk_model import months
from credit_risk_model.features import ON_BOOK
from credit_risk_model.lending_club import STATUS
from credit_risk_model.lending_club_book import (
    BOOK_MONTH,
    BOOK_STATUSES,
    BOOK_YEARS,
    MONTHS_SINCE_ISSUE,
    REPRESENTED_BY,
)
from credit_risk_model.training import views
from credit_risk_model.training.preparation import ISSUE_MONTH, LAST_MONTH, YEAR, PreparationError

# A drawn book has about this many views per loan of the extracts.
VIEWS_PER_LOAN = 3

# A file is the book itself if its years of issue differ from the published ones by at most this.
_SAME = 0.1
# Rates and amounts changed from year to year, so a loan of the same year of issue weighs as much as this many others.
_SAME_YEAR = 4
_ROUNDS = 20


class Book(NamedTuple):
    """Prepared loans with their age and number, and a description of how they became a book."""

    loans: pd.DataFrame
    words: str
    drawn: bool


def of(
    loans: pd.DataFrame,
    *,
    seed: int,
    views_per_loan: int = VIEWS_PER_LOAN,
    report: Callable[[str], None] = lambda words: None,
) -> Book:
    """Return prepared loans as a book: as recorded if they are the published book, otherwise views of them.

    Without a model for a book, the loans are used as recorded, and have no age.

    Raises:
        PreparationError: no month of issue is known, or no loan is known at one of the ages of the book.
    """
    if not ON_BOOK:
        words = "the loans have no book and are used as recorded"
        report(words)
        return Book(loans.assign(**{views.LOAN_NUMBER: np.arange(len(loans))}), words, drawn=False)
    distance = difference(loans)
    if distance <= _SAME:
        words = (
            f"the years of issue differ from those of the published book by {distance:.2f} (at most {_SAME}), so the "
            "loans are the book and are used as recorded"
        )
        report(words)
        return Book(as_recorded(loans), words, drawn=False)
    words = (
        f"the years of issue differ from those of the published book by {distance:.2f} (more than {_SAME}), so views "
        "of the loans in earlier months are drawn, such that ages and statuses match the book of "
        f"{months.text(BOOK_MONTH)}. {_represented()}"
    )
    report(words)
    return Book(draw(loans, views_per_loan * len(loans), seed=seed), words, drawn=True)


def difference(loans: pd.DataFrame) -> float:
    """Return the distance of the years of issue from those of the published book, from 0 (equal) to 1 (no overlap).

    This is the total variation distance: half the sum of the absolute differences of the shares.
    """
    ours = loans[YEAR].value_counts(normalize=True)
    theirs = pd.Series(BOOK_YEARS) / sum(BOOK_YEARS.values())
    return float(ours.sub(theirs, fill_value=0).abs().sum() / 2)


def as_recorded(loans: pd.DataFrame) -> pd.DataFrame:
    """Return the loans with their age when the book was recorded, or when they ended if that was later.

    Some loans were recorded in a later month, which is not in the file. Their age counts to the last payment. For a
    loan that was charged off, it counts to the month of the charge-off.
    """
    status = views.status(loans)
    until_charged_off = np.where(status == "Charged Off", views.MONTHS_TO_CHARGE_OFF, 0)
    recorded = np.fmax(BOOK_MONTH, loans[LAST_MONTH] + until_charged_off)
    age = np.clip(recorded - loans[ISSUE_MONTH], 0, None)
    numbers = {MONTHS_SINCE_ISSUE.name: age, views.LOAN_NUMBER: np.arange(len(loans))}
    return loans.assign(**numbers, **{STATUS: status})


def draw(loans: pd.DataFrame, size: int, *, seed: int) -> pd.DataFrame:
    """Draw about `size` different views of prepared loans, so that years of issue and statuses match the book.

    No view is later than the first month in which loans of its year of issue were recorded. Until that month the state
    of each loan is known, whether it has ended since or not, so ended loans are not overrepresented.

    Raises:
        PreparationError: no loan is known at one of the ages of the book.
    """
    random = np.random.default_rng(seed)
    history = views.history(loans, BOOK_MONTH)
    until = _known_until(history)
    cells = [cell for year in BOOK_YEARS for cell in _cells(history.issued, until, year)]
    loan, age = (np.concatenate(part) for part in zip(*((cell.loan, cell.age) for cell in cells), strict=True))
    seen = views.states(history, loan, age, random)
    expected = size * _weights(cells, seen.status)
    taken = random.random(len(loan)) < expected
    return views.frame(loans, seen.taken(taken))


def _represented() -> str:
    """Describe which loans represent the years that are nearly missing from the extracts."""
    spans = dict.fromkeys(REPRESENTED_BY.values())
    return " ".join(
        f"Loans of {' and '.join(str(year) for year, seen in REPRESENTED_BY.items() if seen == span)} are represented "
        f"by loans issued from {span[0]} to {span[1]}."
        for span in spans
    ).removesuffix(".")


class _Cell(NamedTuple):
    """Pairs of a loan and an age, which together represent `loans_of_book` loans of the book."""

    loan: NDArray[np.int64]
    age: NDArray[np.int64]
    weight: NDArray[np.float64]
    loans_of_book: float


def _known_until(history: views.History) -> NDArray[np.float64]:
    """Return for each loan the first month in which an unfinished loan of its year of issue was recorded."""
    years = pd.Series(history.issued // 12)
    first = pd.Series(history.recorded).groupby(years).min()
    return np.asarray(years.map(first).fillna(BOOK_MONTH), dtype=np.float64)


def _cells(issued: NDArray[np.float64], until: NDArray[np.float64], year: int) -> list[_Cell]:
    of_year = np.flatnonzero(issued // 12 == year)
    if year not in REPRESENTED_BY and of_year.size:  # old loans represent themselves, at their own ages
        ages = (BOOK_MONTH - issued[of_year]).astype(np.int64)
        return [_Cell(of_year, ages, np.ones(len(of_year)), BOOK_YEARS[year])]
    cells = []
    for month in range(year * 12, year * 12 + 12):
        age = BOOK_MONTH - month
        first, last = REPRESENTED_BY.get(year, (year, year))
        known = issued + age <= until
        alike = known & (issued // 12 >= first) & (issued // 12 <= last)
        loan = np.flatnonzero(alike if alike.any() else known)
        # Only the years were published. Assume the same number of new loans in each month.
        weight = np.where(issued[loan] // 12 == year, _SAME_YEAR, 1.0)
        cells.append(_Cell(loan, np.full(len(loan), age), weight, BOOK_YEARS[year] / 12))
    if not any(cell.loan.size for cell in cells):
        raise PreparationError(f"No loan is known at the ages of loans issued in {year}, which the book contains.")
    return [cell for cell in cells if cell.loan.size]


def _weights(cells: list[_Cell], status: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the share of each view in the book, by raking: alternately fit the statuses and the years.

    Source: Deming and Stephan, On a least squares adjustment of a sampled frequency table (1940).
    """
    cell = np.repeat(np.arange(len(cells)), [cell.loan.size for cell in cells])
    names = [name for name in BOOK_STATUSES if (status == name).any()]
    codes = pd.Categorical(status, names).codes.astype(np.int64)
    statuses = np.array([BOOK_STATUSES[name] for name in names], float)
    weights = np.concatenate([cell.weight for cell in cells])
    for _ in range(_ROUNDS):
        for group, wanted in ((codes, statuses), (cell, np.array([cell.loans_of_book for cell in cells]))):
            weights *= (wanted / wanted.sum() / np.bincount(group, weights, len(wanted)))[group]
    return weights
