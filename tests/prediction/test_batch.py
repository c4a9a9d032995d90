"""The batch model: the same answers as for single loans, in the order of the request."""

from typing import Any

import pytest
from pydantic import ValidationError

from credit_risk_model.features import LOAN
from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.loan import CreditRiskModelInput
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import CreditRiskBatchModelInput


@pytest.fixture(scope="module")
def model() -> CreditRiskBatchModel:
    return CreditRiskBatchModel()


def test_each_loan_gets_the_same_answer_as_alone(
    model: CreditRiskBatchModel, shipped_model: CreditRiskModel, loan: dict[str, Any]
) -> None:
    loans = [loan | {"interest_rate": 6 + i % 20, "total_payments_to_date": 140.0 * (i % 97)} for i in range(1_000)]

    answers = model.predict(CreditRiskBatchModelInput.model_validate({"loans": loans})).loans

    alone = [CreditRiskModelInput(**body) for body in loans]
    assert [answer.credit_risk for answer in answers] == [shipped_model.predict(data).credit_risk for data in alone]
    assert [answer.probability for answer in answers] == [shipped_model.probability(data) for data in alone]
    assert {answer.credit_risk for answer in answers} == {"safe", "risky"}


def test_the_loans_are_scored_as_one_matrix(
    model: CreditRiskBatchModel, loan: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = []
    scored = model._scorer.probabilities

    def recorded(loans: Any) -> Any:
        shapes.append(loans.shape)
        return scored(loans)

    monkeypatch.setattr(model._scorer, "probabilities", recorded)

    model.predict(CreditRiskBatchModelInput.model_validate({"loans": [loan] * 70}))

    assert shapes == [(70, len(LOAN))]


def test_the_same_loans_get_equal_answers(model: CreditRiskBatchModel, loan: dict[str, Any]) -> None:
    data = CreditRiskBatchModelInput.model_validate({"loans": [loan] * 3})
    other = CreditRiskBatchModelInput.model_validate({"loans": [loan] * 2})

    answer = model.predict(data)

    assert answer == model.predict(data) == type(answer).model_validate(answer.model_dump())
    assert answer != model.predict(other)


@pytest.mark.parametrize("count", [0, 1_001])
def test_an_empty_or_too_large_batch_is_refused(loan: dict[str, Any], count: int) -> None:
    with pytest.raises(ValidationError, match="loans"):
        CreditRiskBatchModelInput.model_validate({"loans": [loan] * count})


def test_every_bad_field_is_named_by_its_index(loan: dict[str, Any]) -> None:
    loans = [loan, loan | {"term": "x", "loan_amount": 1}, loan, {"no": 1}]

    with pytest.raises(ValidationError) as caught:
        CreditRiskBatchModelInput.model_validate({"loans": loans})

    places = [error["loc"] for error in caught.value.errors()]
    assert places[:2] == [("loans", 1, "loan_amount"), ("loans", 1, "term")]
    assert len(places) == 2 + len(LOAN) + 1
    assert all(place[:2] == ("loans", 3) for place in places[2:])
