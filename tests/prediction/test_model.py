"""The interface of the model for `ml_base`, and properties of its answers."""

import hashlib
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_base import MLModel
from ml_base.ml_model import MLModelSchemaValidationException
from pydantic import BaseModel

import credit_risk_model
from credit_risk_model import artifact
from credit_risk_model.artifact import ArtifactError
from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import FEATURES, LOAN
from credit_risk_model.prediction.loan import CreditRiskModelInput
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.on_book import CreditRiskOnBookModel
from credit_risk_model.prediction.schemas import CreditRiskModelOutput
from tests.conftest import ROOT, SERVICE_PYTHON, STOPPED


def inputs(loans: pd.DataFrame) -> list[BaseModel]:
    """Return prepared loans as inputs without validation, because some synthetic loans are outside the valid ranges."""
    columns = {feature.field: loans[feature.name].tolist() for feature in FEATURES}
    return [
        CreditRiskModelInput.model_construct(**{field: values[row] for field, values in columns.items()})
        for row in range(len(loans))
    ]


def test_the_model_has_the_attributes_of_an_mlmodel(shipped_model: CreditRiskModel) -> None:
    assert isinstance(shipped_model, MLModel)
    assert shipped_model.qualified_name == "credit_risk_model"
    assert shipped_model.version == credit_risk_model.__version__
    assert set(shipped_model.input_schema.model_fields) == {feature.field for feature in FEATURES}
    assert set(shipped_model.output_schema.model_fields) == {"credit_risk"}


def test_the_answer_is_safe_or_risky(shipped_model: CreditRiskModel, loan: dict[str, Any]) -> None:
    answer = shipped_model.predict(CreditRiskModelInput(**loan))

    assert answer.model_dump(mode="json") in ({"credit_risk": "safe"}, {"credit_risk": "risky"})


def test_an_input_of_another_schema_is_refused(shipped_model: CreditRiskModel) -> None:
    with pytest.raises(MLModelSchemaValidationException, match="CreditRiskModelInput, got a CreditRiskModelOutput"):
        shipped_model.predict(CreditRiskModelOutput(credit_risk=CreditRisk.SAFE))


def test_a_missing_artifact_is_named() -> None:
    with pytest.raises(ArtifactError, match=r"No model artifact at 'nowhere\.zip'\. Run `make train"):
        CreditRiskModel(artifact_path="nowhere.zip")


def test_a_wrong_digest_is_refused(practice_artifact: Path) -> None:
    with pytest.raises(ArtifactError, match="not the configured one"):
        CreditRiskModel(artifact_path=str(practice_artifact), artifact_sha256="0" * 64)


def test_the_environment_names_and_pins_the_artifact(practice_artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(practice_artifact.read_bytes()).hexdigest()
    monkeypatch.setenv("CREDIT_RISK_ARTIFACT_PATH", str(practice_artifact))
    monkeypatch.setenv("CREDIT_RISK_ARTIFACT_SHA256", digest)

    assert CreditRiskModel().artifact_digest == digest
    with pytest.raises(ArtifactError, match=r"nowhere\.zip"):
        CreditRiskModel(artifact_path="nowhere.zip")
    with pytest.raises(ArtifactError, match="not the configured one"):
        CreditRiskModel(artifact_sha256="0" * 64)


@pytest.mark.parametrize("pin", ["0" * 64, ""], ids=["wrong", "empty"])
def test_a_wrong_digest_in_the_environment_is_refused(pin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDIT_RISK_ARTIFACT_SHA256", pin)
    CreditRiskOnBookModel()  # has variables of its own
    monkeypatch.setenv("CREDIT_RISK_ON_BOOK_ARTIFACT_SHA256", pin)

    for kind in (CreditRiskModel, CreditRiskOnBookModel):
        with pytest.raises(ArtifactError, match="not the configured one"):
            kind()


def test_the_probability_of_a_loan_equals_that_of_the_data_frame_exactly(
    practice_artifact: Path, prepared_loans: pd.DataFrame
) -> None:
    model = CreditRiskModel(artifact_path=str(practice_artifact))
    booster = artifact.read(practice_artifact, features=LOAN.specification()).booster
    expected = np.asarray(booster.predict(prepared_loans[LOAN.names]))

    found = [model.probability(data) for data in inputs(prepared_loans)]

    assert np.array_equal(np.array(found), expected)


def test_the_threshold_of_the_artifact_decides(practice_artifact: Path, prepared_loans: pd.DataFrame) -> None:
    model = CreditRiskModel(artifact_path=str(practice_artifact))
    threshold = artifact.read(practice_artifact, features=LOAN.specification()).threshold

    answers = set()
    for data in inputs(prepared_loans.head(500)):
        answer = model.predict(data).credit_risk
        answers.add(answer)
        assert (answer is CreditRisk.RISKY) == (model.probability(data) >= threshold)
    assert answers == {CreditRisk.SAFE, CreditRisk.RISKY}


def test_a_loan_nearly_paid_back_is_safer_than_one_that_stopped(
    shipped_model: CreditRiskModel, loan: dict[str, Any]
) -> None:
    stopped = shipped_model.probability(CreditRiskModelInput(**loan | STOPPED))
    nearly_done = shipped_model.probability(CreditRiskModelInput(**loan | {"total_payments_to_date": 14_224.0}))

    assert nearly_done < 0.1 < 0.9 < stopped


def test_a_loan_with_a_higher_rate_is_not_safer_on_average(
    shipped_model: CreditRiskModel, loan: dict[str, Any]
) -> None:
    def mean(rate: float) -> float:
        loans = [loan | {"interest_rate": rate, "total_payments_to_date": paid} for paid in range(2_000, 14_000, 500)]
        return float(np.mean([shipped_model.probability(CreditRiskModelInput(**body)) for body in loans]))

    assert mean(7.0) < mean(22.0)


def test_the_order_of_the_fields_does_not_matter(shipped_model: CreditRiskModel, loan: dict[str, Any]) -> None:
    backwards = dict(reversed(loan.items()))

    assert shipped_model.probability(CreditRiskModelInput(**backwards)) == shipped_model.probability(
        CreditRiskModelInput(**loan)
    )


# Eight threads predict at the same time. If OpenMP were used, each of them would get its own team of threads.
PREDICT_IN_THREADS = """
import os, sys, threading
from concurrent.futures import ThreadPoolExecutor
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.on_book import CreditRiskOnBookModel

model = CreditRiskModel()
data = CreditRiskModel.input_schema.model_validate_json(sys.argv[1])
before, meet = len(os.listdir("/proc/self/task")), threading.Barrier(9)

def predict():
    meet.wait()
    model.predict(data)
    meet.wait()
    meet.wait()

with ThreadPoolExecutor(8) as threads:
    for _ in range(8):
        threads.submit(predict)
    meet.wait()
    meet.wait()
    print(len(os.listdir("/proc/self/task")) - before)
    meet.wait()
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux lists the threads")
def test_a_prediction_starts_no_threads(loan: dict[str, Any]) -> None:
    made = subprocess.check_output(
        [SERVICE_PYTHON, "-c", PREDICT_IN_THREADS, json.dumps(loan)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "4"},
    )

    assert int(made) == 8


def test_many_threads_get_the_same_answer_as_one(shipped_model: CreditRiskModel, loan: dict[str, Any]) -> None:
    data = CreditRiskModelInput(**loan)
    expected = shipped_model.probability(data)
    found: list[float] = []

    threads = [
        threading.Thread(target=lambda: found.extend(shipped_model.probability(data) for _ in range(50)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * 400


def test_a_data_frame_gets_the_same_answers_as_single_loans(
    shipped_model: CreditRiskModel, prepared_loans: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("credit_risk_model.prediction.model._CHUNK", 700)
    each = [shipped_model.predict(data).model_dump()["credit_risk"] for data in inputs(prepared_loans)]

    found = shipped_model.classify(prepared_loans)

    assert found.tolist() == each
    assert set(each) == {"safe", "risky"}


def test_an_empty_data_frame_gets_an_empty_answer(shipped_model: CreditRiskModel, prepared_loans: pd.DataFrame) -> None:
    assert shipped_model.classify(prepared_loans.head(0)).tolist() == []


@pytest.mark.parametrize(
    ("model", "name"), [(CreditRiskModel, "model_card.md"), (CreditRiskOnBookModel, "on_book_model_card.md")]
)
def test_a_model_has_the_card_of_its_artifact(model: type[CreditRiskModel], name: str) -> None:
    assert model().model_card == (ROOT / "docs" / name).read_text()
