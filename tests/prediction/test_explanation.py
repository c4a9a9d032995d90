"""The explanation model: the contributions add up, and the strongest reasons come first."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_base.ml_model import MLModelSchemaValidationException

from credit_risk_model.features import FEATURES, LOAN, ON_BOOK
from credit_risk_model.prediction import scorer
from credit_risk_model.prediction.explanation import CreditRiskExplanationModel
from credit_risk_model.prediction.loan import CreditRiskModelInput
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.on_book import CreditRiskOnBookExplanationModel
from tests.prediction.test_model import inputs


@pytest.fixture(scope="module")
def model() -> CreditRiskExplanationModel:
    return CreditRiskExplanationModel()


def explained(model: CreditRiskExplanationModel, loan: dict[str, Any], **asked: int) -> Any:
    return model.predict(model.input_schema(**loan | asked))


def test_all_contributions_and_the_base_value_are_the_log_odds(
    model: CreditRiskExplanationModel, loan: dict[str, Any]
) -> None:
    answer = explained(model, loan, number_of_reasons=len(FEATURES))

    log_odds = math.log(answer.probability / (1 - answer.probability))
    assert answer.base_value + sum(reason.contribution for reason in answer.reasons) == pytest.approx(
        log_odds, abs=1e-9
    )
    assert {reason.feature for reason in answer.reasons} == {feature.field for feature in FEATURES}


def test_the_contributions_of_many_loans_add_up(prepared_loans: pd.DataFrame) -> None:
    model = scorer.load()
    loans = LOAN.encode_loans(map(vars, inputs(prepared_loans.head(100))))

    probabilities = model.probabilities(loans)

    sums = model.contributions(loans).sum(axis=1)
    assert np.allclose(sums, np.log(probabilities / (1 - probabilities)), rtol=0, atol=1e-9)


def test_there_are_four_reasons_by_default(model: CreditRiskExplanationModel, loan: dict[str, Any]) -> None:
    assert len(explained(model, loan).reasons) == 4
    assert len(explained(model, loan, number_of_reasons=7).reasons) == 7


def test_the_strongest_reasons_come_first_with_their_direction(
    model: CreditRiskExplanationModel, loan: dict[str, Any]
) -> None:
    reasons = explained(model, loan, number_of_reasons=len(FEATURES)).reasons

    strengths = [abs(reason.contribution) for reason in reasons]
    assert strengths == sorted(strengths, reverse=True)
    assert all((reason.direction == "riskier") == (reason.contribution > 0) for reason in reasons)
    assert {reason.direction for reason in reasons} == {"riskier", "safer"}


def test_a_reason_has_the_name_and_the_value_of_its_feature(
    model: CreditRiskExplanationModel, loan: dict[str, Any]
) -> None:
    for reason in explained(model, loan, number_of_reasons=len(FEATURES)).model_dump(mode="json")["reasons"]:
        assert reason["value"] == loan[reason["feature"]]
        assert type(reason["value"]) is type(loan[reason["feature"]])
        assert reason["name"] == reason["feature"].replace("_", " ").capitalize()


def test_a_loan_that_stopped_being_paid_is_risky_because_of_its_payments_and_its_age() -> None:
    model = CreditRiskOnBookExplanationModel()

    answer = model.predict(model.input_schema(**ON_BOOK.example | {"total_payments_to_date": 4_064.0}))

    assert answer.credit_risk == "risky"
    assert next(reason.feature for reason in answer.reasons if reason.direction == "riskier") == "months_since_issue"


def test_the_explanation_agrees_with_the_prediction(
    model: CreditRiskExplanationModel, shipped_model: CreditRiskModel, loan: dict[str, Any]
) -> None:
    for paid in (1_219.2, 13_411.2):
        data = CreditRiskModelInput(**loan | {"total_payments_to_date": paid})
        answer = explained(model, loan | {"total_payments_to_date": paid})

        assert answer.credit_risk == shipped_model.predict(data).credit_risk
        assert answer.probability == shipped_model.probability(data)
        assert (answer.credit_risk == "risky") == (answer.probability >= answer.threshold)


@pytest.mark.parametrize("count", [0, 17, 1.5, "4", True, None])
def test_an_invalid_number_of_reasons_is_refused(
    model: CreditRiskExplanationModel, loan: dict[str, Any], count: Any
) -> None:
    with pytest.raises(ValueError, match="number_of_reasons"):
        explained(model, loan, number_of_reasons=count)


def test_an_input_of_another_schema_is_refused(model: CreditRiskExplanationModel, loan: dict[str, Any]) -> None:
    with pytest.raises(MLModelSchemaValidationException, match="Expected a CreditRiskExplanationModelInput"):
        model.predict(CreditRiskModelInput(**loan))


def test_the_version_has_the_digest_of_the_artifact(model: CreditRiskExplanationModel, loan: dict[str, Any]) -> None:
    assert explained(model, loan).model_version == f"{model.version}+{scorer.load().digest[:12]}"
