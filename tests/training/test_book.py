"""The book that a model is made for; the loans of these tests are synthetic."""

import numpy as np
import pandas as pd
import pytest

from credit_risk_model import lending_club_book, months
from credit_risk_model.features import LOAN
from credit_risk_model.lending_club import STATUS
from credit_risk_model.training import book, views
from credit_risk_model.training.preparation import ISSUE_MONTH, LAST_MONTH, RISK, YEAR, PreparationError


@pytest.fixture(scope="module")
def drawn(prepared_loans: pd.DataFrame) -> pd.DataFrame:
    return book.draw(prepared_loans, len(prepared_loans), seed=1)


def as_published(loans: pd.DataFrame, rows: int = 2_000) -> pd.DataFrame:
    """Return loans whose years of issue are those of the published book."""
    weights = loans[YEAR].map(lending_club_book.BOOK_YEARS) / loans[YEAR].map(loans[YEAR].value_counts())
    return loans.sample(rows, weights=weights, replace=True, random_state=1).reset_index(drop=True)


def test_the_published_counts_add_up() -> None:
    assert sum(lending_club_book.BOOK_YEARS.values()) == sum(lending_club_book.BOOK_STATUSES.values()) == 887_379


def test_years_and_statuses_are_those_of_the_book(drawn: pd.DataFrame, prepared_loans: pd.DataFrame) -> None:
    assert len(drawn) == pytest.approx(len(prepared_loans), rel=0.05)
    years = (
        ((lending_club_book.BOOK_MONTH - drawn["MonthsSinceIssue"]) // 12).clip(upper=2015).value_counts(normalize=True)
    )
    for year, count in lending_club_book.BOOK_YEARS.items():
        assert years[year] == pytest.approx(count / 887_379, abs=0.02)
    statuses = drawn[STATUS].value_counts(normalize=True)
    for status, count in lending_club_book.BOOK_STATUSES.items():
        assert statuses[status] == pytest.approx(count / 887_379, abs=0.02), status


def test_no_view_is_later_than_the_record(drawn: pd.DataFrame) -> None:
    assert (drawn[ISSUE_MONTH] + drawn["MonthsSinceIssue"] <= lending_club_book.BOOK_MONTH).all()


def test_a_loan_has_one_view_at_each_age(drawn: pd.DataFrame) -> None:
    assert not drawn.duplicated([views.LOAN_NUMBER, "MonthsSinceIssue"]).any()


def test_the_same_seed_draws_the_same_book(prepared_loans: pd.DataFrame) -> None:
    first, second, other = (book.draw(prepared_loans, 1_000, seed=seed) for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(other)


def test_other_extracts_are_made_into_a_book(prepared_loans: pd.DataFrame) -> None:
    reported: list[str] = []

    found = book.of(prepared_loans, seed=1, report=reported.append)

    assert found.drawn
    assert reported == [found.words]
    assert "views of the loans in earlier months are drawn" in found.words
    assert len(found.loans) > 2 * len(prepared_loans)


def test_the_full_file_is_taken_as_recorded(prepared_loans: pd.DataFrame) -> None:
    loans = as_published(prepared_loans)

    found = book.of(loans, seed=1)

    assert not found.drawn
    assert "used as recorded" in found.words
    pd.testing.assert_frame_equal(found.loans[[*LOAN.names, RISK]], loans[[*LOAN.names, RISK]])
    assert (found.loans["MonthsSinceIssue"] >= 0).all()
    assert found.loans[views.LOAN_NUMBER].is_unique


@pytest.mark.parametrize(
    ("status", "last_paid", "age"),
    [
        ("Current", "Jan-2016", 48),
        ("Current", "Mar-2018", 74),
        ("Current", None, 48),
        ("Fully Paid", "Jun-2014", 48),
        ("Fully Paid", "Jun-2017", 65),
        ("Charged Off", "Mar-2014", 48),
        ("Charged Off", "Jun-2017", 71),
        ("Does not meet the credit policy. Status:Charged Off", "Nov-2015", 52),
        ("Late (31-120 days)", "Oct-2015", 48),
    ],
)
def test_a_loan_as_recorded_has_its_age_in_the_month_of_the_book_or_at_its_end(
    prepared_loans: pd.DataFrame, status: str, last_paid: str | None, age: int
) -> None:
    last_month = np.nan if last_paid is None else float(months.number(last_paid) or 0)
    issued = float(months.number("Jan-2012") or 0)
    loan = prepared_loans.head(1).assign(**{STATUS: status}).assign(**{ISSUE_MONTH: issued, LAST_MONTH: last_month})

    assert book.as_recorded(loan)["MonthsSinceIssue"].tolist() == [age]


def test_no_loan_as_recorded_was_paid_after_its_age(prepared_loans: pd.DataFrame) -> None:
    recorded = book.as_recorded(prepared_loans)

    assert not (recorded[LAST_MONTH] > recorded[ISSUE_MONTH] + recorded["MonthsSinceIssue"]).any()


def test_the_words_say_which_loans_represent_missing_years(prepared_loans: pd.DataFrame) -> None:
    words = book.of(prepared_loans, seed=1).words

    assert "Loans of 2012 and 2013 are represented by loans issued from 2010 to 2013." in words
    assert words.endswith("Loans of 2014 and 2015 are represented by loans issued from 2014 to 2015")


def test_the_difference_is_0_for_the_same_years_and_1_for_others(prepared_loans: pd.DataFrame) -> None:
    assert book.difference(as_published(prepared_loans, 20_000)) < 0.01
    assert book.difference(prepared_loans.assign(**{YEAR: 2018.0})) == pytest.approx(1)


def test_loans_without_a_known_age_are_not_made_into_a_book(prepared_loans: pd.DataFrame) -> None:
    unknown = prepared_loans.head(100).assign(**{YEAR: np.nan, ISSUE_MONTH: np.nan})

    with pytest.raises(PreparationError, match="No loan is known at the ages of loans issued in 2007"):
        book.of(unknown, seed=1)
