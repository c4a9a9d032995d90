"""The synthetic loans that training puts into an artifact, with their probabilities."""

from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from credit_risk_model import artifact
from credit_risk_model.features import FEATURES, LOAN
from credit_risk_model.prediction.loan import CreditRiskModelInput
from credit_risk_model.training import self_check


def test_the_loans_are_the_same_each_time() -> None:
    assert self_check.loans() == self_check.loans()
    assert self_check.loans(seed=1) != self_check.loans()


def test_every_loan_is_a_valid_request() -> None:
    loans = TypeAdapter(list[CreditRiskModelInput]).validate_python(self_check.loans())

    assert len(loans) == self_check.LOANS == 20


def test_the_loans_reach_every_edge() -> None:
    for feature in FEATURES:
        values = {loan[feature.field] for loan in self_check.loans()}
        assert values >= set(feature.categories or (feature.minimum, feature.maximum)), feature.field


def test_the_probabilities_are_those_of_the_trained_model(practice_artifact: Path) -> None:
    read = artifact.read(practice_artifact, features=LOAN.specification())

    written = [check.probability for check in read.self_check]

    assert [check.loan for check in read.self_check] == self_check.loans()
    rows = LOAN.encode_loans(self_check.loans())
    assert np.allclose(written, np.asarray(read.booster.predict(rows)), rtol=0, atol=1e-15)
