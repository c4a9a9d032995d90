"""The models of the compared servers give the same answers as the model of the project."""

from typing import Any

import pytest

from benchmarks import loans
from benchmarks.served.article import Article
from benchmarks.served.risk import RiskModel
from credit_risk_model.prediction.model import CreditRiskModel


@pytest.mark.parametrize("class_", [Article, RiskModel])
def test_the_compared_models_give_the_same_answers(class_: Any) -> None:
    ours, other = CreditRiskModel(), class_()

    requests = [ours.input_schema(**loan) for loan in loans.different()[:100]]
    answers = [other.predict(request).credit_risk for request in requests]

    assert answers == [ours.predict(request).credit_risk for request in requests]
    assert len(set(answers)) == 2
