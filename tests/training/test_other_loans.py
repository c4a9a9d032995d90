"""Loans of another lender, with other features, are trained, evaluated, packed and served by the same code.

The loans are synthetic and like those of the German credit data set: no status, no months, one row for each loan.
"""

from importlib.metadata import version
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, Field

from credit_risk_model import artifact
from credit_risk_model.categories import CreditRisk
from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.explanation import CreditRiskExplanationModel
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.training import checks, estimator, evaluation, self_check, split
from tests.training.german_credit import GERMAN, HYPERPARAMETERS, CheckingAccount, CreditPurpose, loans


class GermanLoan(BaseModel):
    """One loan."""

    checking_account: CheckingAccount
    duration: Annotated[int, Field(ge=4, le=72)]
    credit_amount: Annotated[float, Field(ge=250, le=18_424)]
    credit_purpose: CreditPurpose
    age: Annotated[int, Field(ge=19, le=75)]


class GermanLoanWithReasons(GermanLoan):
    number_of_reasons: int = 2


class GermanLoans(BaseModel):
    """The loans of a batch."""

    loans: list[GermanLoan]


class GermanModel(CreditRiskModel):
    input_schema = GermanLoan
    features = GERMAN


class GermanExplanationModel(CreditRiskExplanationModel):
    input_schema = GermanLoanWithReasons
    features = GERMAN


class GermanBatchModel(CreditRiskBatchModel):
    input_schema = GermanLoans
    features = GERMAN


@pytest.fixture(scope="module")
def all_loans() -> pd.DataFrame:
    return loans(1_500)


@pytest.fixture(scope="module")
def held_out(all_loans: pd.DataFrame) -> pd.DataFrame:
    return all_loans[split.held_back(all_loans, GERMAN)]


@pytest.fixture(scope="module")
def learned(all_loans: pd.DataFrame, held_out: pd.DataFrame) -> estimator.Learned:
    return estimator.learn(all_loans.drop(held_out.index), HYPERPARAMETERS, GERMAN)


@pytest.fixture(scope="module")
def packed(learned: estimator.Learned, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the artifact."""
    path = tmp_path_factory.mktemp("german") / "1.zip"
    metadata = {
        "model": "german_credit_model",
        "features": GERMAN.specification(),
        "classes": [*CreditRisk],
        "threshold": learned.threshold,
        "versions": {"lightgbm": version("lightgbm")},
    }
    artifact.write(path, learned.booster, metadata, self_check.scored(learned.booster, GERMAN))
    return str(path)


def test_the_model_ranks_and_obeys_its_constraint(learned: estimator.Learned, held_out: pd.DataFrame) -> None:
    probability = estimator.probabilities(learned.booster, held_out, GERMAN)
    longer = held_out.assign(Duration=held_out["Duration"] + 6)

    figures = evaluation.evaluate(
        held_out, probability, learned.threshold, learned.booster, groups={"purpose": "CreditPurpose"}
    )

    assert 200 < len(held_out) < 400
    assert figures["metrics"]["roc_auc"] > 0.7
    assert {group["group"] for group in figures["groups"]["purpose"]} == {*CreditPurpose}
    assert (estimator.probabilities(learned.booster, longer, GERMAN) >= probability).all()


def test_the_loans_and_their_split_are_checked(all_loans: pd.DataFrame, held_out: pd.DataFrame) -> None:
    learning = all_loans.drop(held_out.index)
    leaked = held_out.assign(Duration=estimator.is_risky(held_out) * 10.0)

    findings = [*checks.of_loans(all_loans, GERMAN), *checks.of_split(learning, held_out, GERMAN)]

    assert [finding.check for finding in findings if finding.status != "passed"] == []
    assert "failed" in {finding.status for finding in checks.of_split(leaked, held_out, GERMAN)}


def test_one_loan_a_batch_and_the_reasons_have_the_probabilities_of_the_training(
    packed: str, learned: estimator.Learned, held_out: pd.DataFrame
) -> None:
    rows = held_out.head(20)
    requests = [
        dict(zip(GERMAN.fields, row, strict=True)) for row in rows[GERMAN.names].astype(object).itertuples(index=False)
    ]
    expected = estimator.probabilities(learned.booster, rows, GERMAN)

    model, batch, explanation = GermanModel(packed), GermanBatchModel(packed), GermanExplanationModel(packed)
    for each in (model, batch, explanation):
        each.self_check()
    answers = batch.predict(GermanLoans.model_validate({"loans": requests})).loans
    explained = explanation.predict(GermanLoanWithReasons.model_validate(requests[0]))

    assert np.allclose([answer.probability for answer in answers], expected)
    assert [answer.credit_risk for answer in answers] == [
        model.predict(GermanLoan.model_validate(request)).credit_risk for request in requests
    ]
    assert explained.probability == pytest.approx(expected[0])
    assert {reason.feature for reason in explained.reasons} <= set(GERMAN.fields)
    assert len(explained.reasons) == 2


def test_its_artifact_is_not_loaded_for_other_features(packed: str) -> None:
    with pytest.raises(artifact.ArtifactError, match="made for other features"):
        CreditRiskModel(artifact_path=packed)
