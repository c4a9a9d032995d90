"""Which loans are held back."""

import numpy as np
import pandas as pd

from credit_risk_model.training import book, views
from credit_risk_model.training.preparation import RISK
from credit_risk_model.training.split import buckets, for_validation, held_back


def test_the_order_of_the_rows_does_not_matter(prepared_loans: pd.DataFrame) -> None:
    backwards = prepared_loans.iloc[::-1]

    assert np.array_equal(buckets(backwards), buckets(prepared_loans)[::-1])


def test_the_loans_around_a_loan_do_not_matter(prepared_loans: pd.DataFrame) -> None:
    assert np.array_equal(buckets(prepared_loans.iloc[100:200]), buckets(prepared_loans)[100:200])


def test_the_label_does_not_matter(prepared_loans: pd.DataFrame) -> None:
    turned = prepared_loans.assign(**{RISK: prepared_loans[RISK].cat.rename_categories(["risky", "safe"])})

    assert np.array_equal(buckets(turned), buckets(prepared_loans))


def test_a_fifth_is_held_out_and_validation_rows_are_others(prepared_loans: pd.DataFrame) -> None:
    test, validation = held_back(prepared_loans), for_validation(prepared_loans)

    assert 0.17 < test.mean() < 0.23
    assert 0.13 < validation.mean() < 0.19
    assert not (test & validation).any()


def test_all_views_of_a_loan_lie_on_one_side(prepared_loans: pd.DataFrame) -> None:
    drawn = book.draw(prepared_loans, 2 * len(prepared_loans), seed=1)
    of_loan = drawn[views.LOAN_NUMBER]

    for side in (held_back(drawn), for_validation(drawn)):
        assert 0 < side.sum() < len(drawn)
        assert (pd.Series(side).groupby(of_loan).nunique() == 1).all()
    assert of_loan.duplicated().any()
    assert drawn.groupby(of_loan)["TotalPaymentsToDate"].nunique().max() > 1


def test_a_loan_stays_on_its_side_of_the_split(prepared_loans: pd.DataFrame) -> None:
    # The shipped figures hold for one split; should these numbers change, every figure must be measured again.
    assert buckets(prepared_loans.head(5)).tolist() == [0, 3, 32, 31, 51]
