"""The models that the other servers of `make bench` get: each answers what the project's own does."""

from typing import Any

import pytest

from benchmarks import loans
from benchmarks.served.article import Article
from benchmarks.served.risk import RiskModel
from credit_risk_model.prediction.model import CreditRiskModel


@pytest.mark.parametrize("class_", [Article, RiskModel])
def test_what_is_compared_answers_alike(class_: Any) -> None:
    ours, other = CreditRiskModel(), class_()

    requests = [ours.input_schema(**loan) for loan in loans.different(None)[1][:100]]
    answers = [other.predict(request) for request in requests]

    assert answers == [ours.predict(request) for request in requests]
    assert len({answer.credit_risk for answer in answers}) == 2
