"""The book of loans that a model is made for: as it was published, and as it is drawn from other extracts."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_risk_model import months
from credit_risk_model.features import MONTHS_SINCE_ISSUE
from credit_risk_model.training import views
from credit_risk_model.training.dataset import STATUS
from credit_risk_model.training.preparation import ISSUE_MONTH, LAST_MONTH, YEAR, PreparationError

# Lending Club's full file of 887,379 loans, as published: loans by year of issue, and by status in January 2016.
MONTH = 2016 * 12
YEARS = {
    2007: 603, 2008: 2_393, 2009: 5_281, 2010: 12_537, 2011: 21_721, 2012: 53_367, 2013: 134_755, 2014: 235_628,
    2015: 421_094,
}  # fmt: skip
STATUSES = {
    "Current": 601_779,
    "Fully Paid": 207_723 + 1_988,  # with those outside of the credit policy
    "Charged Off": 45_248 + 761,
    "Late (31-120 days)": 11_591,
    "Issued": 8_460,
    "In Grace Period": 6_253,
    "Late (16-30 days)": 2_357,
    "Default": 1_219,
}
# A drawn book has about this many views for each loan of the extracts.
VIEWS_PER_LOAN = 3

# A file whose years of issue differ from the published ones by less is the book itself.
_SAME = 0.1
# Loans of these years, nearly missing from the extracts, are represented by loans issued from the first to the second.
_SEEN_IN = {2012: (2010, 2013), 2013: (2010, 2013), 2014: (2014, 2015), 2015: (2014, 2015)}
# Rates and amounts changed from year to year: a loan of the same year of issue counts as much as this many others.
_SAME_YEAR = 4
_ROUNDS = 20


class Book(NamedTuple):
    """Prepared loans with their age and number, and in words how they became a book."""

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
    """Return prepared loans as a book: as recorded where they are the published one, and else views of them.

    Raises:
        PreparationError: no month of issue is known, or there are no loans to show an age by.
    """
    distance = difference(loans)
    if distance <= _SAME:
        words = (
            f"the years of issue differ from the published book's by {distance:.2f}, at most {_SAME} does not matter: "
            "the loans are the book, and are taken as recorded"
        )
        report(words)
        return Book(as_recorded(loans), words, drawn=False)
    words = (
        f"the years of issue differ from the published book's by {distance:.2f}, more than {_SAME}: "
        "views of the loans as of earlier months are drawn, so that ages and statuses match the book of "
        f"{months.text(MONTH)}. {_represented()}"
    )
    report(words)
    return Book(draw(loans, views_per_loan * len(loans), seed=seed), words, drawn=True)


def troubled_share() -> float:
    """Return the share of loans late or in grace among those of the book that are being paid, as published."""
    troubled = sum(count for status, count in STATUSES.items() if status.startswith(("In Grace", "Late")))
    return troubled / (troubled + STATUSES["Current"])


def difference(loans: pd.DataFrame) -> float:
    """Return by how much the years of issue differ from the published book's: 0 for the same shares, 1 for no overlap.

    This is the total variation distance, half the sum of the absolute differences of the shares.
    """
    ours = loans[YEAR].value_counts(normalize=True)
    theirs = pd.Series(YEARS) / sum(YEARS.values())
    return float(ours.sub(theirs, fill_value=0).abs().sum() / 2)


def as_recorded(loans: pd.DataFrame) -> pd.DataFrame:
    """Return the loans with the age that they had when the book was recorded, or when they ended if that was later.

    Some loans were recorded in a later month, which the file does not have. For those, the age counts to the last
    payment, and for a loan charged off to the month when it was charged off.
    """
    status = views.status(loans)
    until_charged_off = np.where(status == "Charged Off", views.MONTHS_TO_CHARGE_OFF, 0)
    recorded = np.fmax(MONTH, loans[LAST_MONTH] + until_charged_off)
    age = np.clip(recorded - loans[ISSUE_MONTH], 0, None)
    numbers = {MONTHS_SINCE_ISSUE.name: age, views.LOAN_NUMBER: np.arange(len(loans))}
    return loans.assign(**numbers, **{STATUS: status})


def draw(loans: pd.DataFrame, size: int, *, seed: int) -> pd.DataFrame:
    """Draw about `size` different views of prepared loans, so that years of issue and statuses match the book.

    No view is later than the first month in which loans of its year of issue were recorded: until then the fate of all
    of them is known, and no loan is drawn for having ended.

    Raises:
        PreparationError: there are no loans to show an age by.
    """
    random = np.random.default_rng(seed)
    history = views.history(loans, MONTH)
    until = _known_until(history)
    cells = [cell for year in YEARS for cell in _cells(history.issued, until, year)]
    loan, age = (np.concatenate(part) for part in zip(*((cell.loan, cell.age) for cell in cells), strict=True))
    seen = views.states(history, loan, age, random)
    expected = size * _weights(cells, seen.status)
    taken = random.random(len(loan)) < expected
    return views.frame(loans, seen.taken(taken))


def _represented() -> str:
    """Say which loans represent the years that are nearly missing from the extracts."""
    spans = dict.fromkeys(_SEEN_IN.values())
    return " ".join(
        f"Loans of {' and '.join(str(year) for year, seen in _SEEN_IN.items() if seen == span)} are represented by "
        f"loans issued from {span[0]} to {span[1]}."
        for span in spans
    ).removesuffix(".")


class _Cell(NamedTuple):
    """Loans, and the ages, by which `loans_of_book` loans can be seen."""

    loan: NDArray[np.int64]
    age: NDArray[np.int64]
    weight: NDArray[np.float64]
    loans_of_book: float


def _known_until(history: views.History) -> NDArray[np.float64]:
    """Return for each loan the first month in which an unfinished loan of its year of issue was recorded."""
    years = pd.Series(history.issued // 12)
    first = pd.Series(history.recorded).groupby(years).min()
    return np.asarray(years.map(first).fillna(MONTH), dtype=np.float64)


def _cells(issued: NDArray[np.float64], until: NDArray[np.float64], year: int) -> list[_Cell]:
    of_year = np.flatnonzero(issued // 12 == year)
    if year not in _SEEN_IN and of_year.size:  # old loans are seen as they are, at their own ages
        ages = (MONTH - issued[of_year]).astype(np.int64)
        return [_Cell(of_year, ages, np.ones(len(of_year)), YEARS[year])]
    cells = []
    for month in range(year * 12, year * 12 + 12):
        age = MONTH - month
        first, last = _SEEN_IN.get(year, (year, year))
        known = issued + age <= until
        alike = known & (issued // 12 >= first) & (issued // 12 <= last)
        loan = np.flatnonzero(alike if alike.any() else known)
        # Only the years were published: as if in each of their months the same number of loans was issued.
        weight = np.where(issued[loan] // 12 == year, _SAME_YEAR, 1.0)
        cells.append(_Cell(loan, np.full(len(loan), age), weight, YEARS[year] / 12))
    if not any(cell.loan.size for cell in cells):
        raise PreparationError(f"No loan is known at the ages that loans issued in {year} have in the book.")
    return [cell for cell in cells if cell.loan.size]


def _weights(cells: list[_Cell], status: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the share of the book that each view makes up: by raking, in turns to the years and to the statuses.

    Source: Deming and Stephan, On a least squares adjustment of a sampled frequency table (1940).
    """
    cell = np.repeat(np.arange(len(cells)), [cell.loan.size for cell in cells])
    names = [name for name in STATUSES if (status == name).any()]
    codes = pd.Categorical(status, names).codes.astype(np.int64)
    statuses = np.array([STATUSES[name] for name in names], float)
    weights = np.concatenate([cell.weight for cell in cells])
    for _ in range(_ROUNDS):
        for group, wanted in ((codes, statuses), (cell, np.array([cell.loans_of_book for cell in cells]))):
            weights *= (wanted / wanted.sum() / np.bincount(group, weights, len(wanted)))[group]
    return weights
