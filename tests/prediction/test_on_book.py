"""The models that know the age of a loan: their inputs, and properties of their answers."""

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from credit_risk_model.artifact import ArtifactError
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.on_book import (
    CreditRiskOnBookBatchModel,
    CreditRiskOnBookExplanationModel,
    CreditRiskOnBookModel,
)
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def model() -> CreditRiskOnBookModel:
    return CreditRiskOnBookModel()


@pytest.fixture
def aged_loan() -> dict[str, Any]:
    return dict(ON_BOOK.example)


def paid(instalments: int, months: int, **other: Any) -> dict[str, Any]:
    """Return the example of the documentation (12,000 US dollars, 36 months) after some instalments and months."""
    monthly = (ON_BOOK.example | other)["interest_rate"] / 1_200
    instalment = round(12_000 * monthly / (1 - (1 + monthly) ** -36), 2)
    return ON_BOOK.example | other | {
        "total_payments_to_date": round(instalments * instalment, 2),
        "last_payment_amount": instalment if instalments else 0.0,
        "months_since_issue": months,
    }  # fmt: skip


def probability(model: CreditRiskModel, loan: dict[str, Any]) -> float:
    return model.probability(model.input_schema(**{field: loan[field] for field in model.features.fields}))


def test_the_inputs_are_those_of_the_article_and_the_age(model: CreditRiskOnBookModel) -> None:
    assert list(model.input_schema.model_fields) == [*LOAN.fields, "months_since_issue"]


@pytest.mark.parametrize("age", [-1, 121, 3.5, None, "3"])
def test_an_invalid_age_is_refused(model: CreditRiskOnBookModel, aged_loan: dict[str, Any], age: object) -> None:
    with pytest.raises(ValidationError, match="months_since_issue"):
        model.input_schema(**aged_loan | {"months_since_issue": age})


def test_the_artifact_of_the_other_model_is_refused() -> None:
    for kind, name in ((CreditRiskOnBookModel, "1.zip"), (CreditRiskModel, "on_book_1.zip")):
        with pytest.raises(ArtifactError, match="made for other features"):
            kind(artifact_path=str(ROOT / "credit_risk_model" / "model_files" / name))


def test_all_three_models_give_the_same_answer(model: CreditRiskOnBookModel, aged_loan: dict[str, Any]) -> None:
    explanation, batch = CreditRiskOnBookExplanationModel(), CreditRiskOnBookBatchModel()

    alone = model.predict(model.input_schema(**aged_loan))
    explained = explanation.predict(explanation.input_schema(**aged_loan, number_of_reasons=len(ON_BOOK)))
    [together] = batch.predict(batch.input_schema.model_validate({"loans": [aged_loan]})).loans

    assert alone.credit_risk == explained.credit_risk == together.credit_risk
    assert probability(model, aged_loan) == explained.probability == together.probability
    log_odds = explained.base_value + sum(reason.contribution for reason in explained.reasons)
    assert log_odds == pytest.approx(math.log(explained.probability / (1 - explained.probability)), abs=1e-9)


@pytest.mark.parametrize("kind", [CreditRiskOnBookModel, CreditRiskOnBookExplanationModel, CreditRiskOnBookBatchModel])
def test_each_model_passes_its_self_check(kind: type[CreditRiskOnBookModel]) -> None:
    kind().self_check()


def test_a_young_loan_is_safer_than_an_old_one_with_the_same_payments(model: CreditRiskOnBookModel) -> None:
    assert probability(model, paid(10, months=10)) < 0.05
    assert probability(model, paid(10, months=30)) > 0.9


@pytest.mark.parametrize("months", [1, 3, 6, 12, 24])
def test_a_loan_paid_on_time_is_safe_at_every_age(model: CreditRiskOnBookModel, months: int) -> None:
    for rate in (7.0, 13.35, 20.0):
        assert probability(model, paid(months, months, interest_rate=rate)) < 0.05


@pytest.mark.parametrize("kind", [CreditRiskModel, CreditRiskOnBookModel])
def test_three_instalments_on_time_are_not_riskier_than_a_default(kind: type[CreditRiskModel]) -> None:
    model = kind()

    for rate in (7.0, 10.0, 13.35, 17.0, 22.0):
        young = probability(model, paid(3, months=3, interest_rate=rate))
        defaulted = probability(model, paid(10, months=30, interest_rate=rate))
        assert young < defaulted


@pytest.mark.parametrize("rate", [6.0, 10.0, 14.0, 18.0, 23.0])
def test_a_loan_just_issued_is_safe(model: CreditRiskOnBookModel, rate: float) -> None:
    issued, first = paid(0, months=0, interest_rate=rate), CreditRiskModel()

    assert probability(model, issued) < 0.02
    assert first.predict(first.input_schema(**{field: issued[field] for field in LOAN.fields})).credit_risk == "safe"


def test_a_loan_just_issued_is_riskier_at_a_higher_rate(model: CreditRiskOnBookModel) -> None:
    risks = [probability(model, paid(0, months=0, interest_rate=rate)) for rate in (6.0, 10.0, 14.0, 18.0, 23.0)]

    assert risks == sorted(risks)
    assert risks[0] < risks[-1]


def test_higher_payments_at_the_same_age_are_not_riskier(model: CreditRiskOnBookModel) -> None:
    for months in (3, 12, 30):
        totals = [paid(1, months) | {"total_payments_to_date": amount} for amount in np.arange(0.0, 13_000.0, 97.3)]
        found = [probability(model, loan) for loan in totals]

        assert np.all(np.diff(found) <= 0)


def test_an_older_loan_with_the_same_payments_is_riskier(model: CreditRiskOnBookModel) -> None:
    on_time, behind, stopped = (probability(model, paid(10, months)) for months in (10, 14, 24))

    assert on_time < behind < stopped


def test_a_loan_nearly_paid_back_is_safe_because_it_was_paid(aged_loan: dict[str, Any]) -> None:
    model = CreditRiskOnBookExplanationModel()

    answer = model.predict(model.input_schema(**aged_loan))

    assert answer.credit_risk == "safe"
    paid, age, *others = answer.reasons
    assert (paid.feature, paid.direction) == ("total_payments_to_date", "safer")
    assert (age.feature, age.direction) == ("months_since_issue", "riskier")
    assert len(others) == 2
    for reason in others:
        assert abs(reason.contribution) < abs(paid.contribution) / 2, reason.feature
