"""What the models tell about their answers, for the metrics and the prediction log of the service."""

from pathlib import Path
from typing import Any

import pytest

from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.explanation import CreditRiskExplanationModel
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import CreditRiskModelOutput
from tests.conftest import STOPPED


@pytest.mark.parametrize("model_class", [CreditRiskModel, CreditRiskExplanationModel])
@pytest.mark.parametrize(("changes", "label"), [({}, "safe"), (STOPPED, "risky")])
def test_an_observation_has_the_inputs_the_probability_and_the_label(
    model_class: type[CreditRiskModel], changes: dict[str, Any], label: str, loan: dict[str, Any]
) -> None:
    model = model_class()
    data = model.input_schema(**loan | changes)

    [(inputs, score, found)] = model.observations(data, model.predict(data))

    assert inputs.items() >= (loan | changes).items()
    assert score == CreditRiskModel().probability(data)
    assert found == label


def test_a_batch_model_has_an_observation_for_each_loan(loan: dict[str, Any], shipped_model: CreditRiskModel) -> None:
    model = CreditRiskBatchModel()
    loans = [loan, loan | STOPPED]
    data = model.input_schema(loans=loans)

    found = model.observations(data, model.predict(data))

    expected = [shipped_model.probability(shipped_model.input_schema(**each)) for each in loans]
    assert found == [(loan, expected[0], "safe"), (loan | STOPPED, expected[1], "risky")]


def test_the_probability_is_not_part_of_the_answer(shipped_model: CreditRiskModel, loan: dict[str, Any]) -> None:
    answer = shipped_model.predict(shipped_model.input_schema(**loan))

    assert answer.probability is not None
    assert answer.model_dump() == {"credit_risk": "safe"}
    assert set(CreditRiskModelOutput.model_json_schema()["properties"]) == {"credit_risk"}


def test_a_model_has_the_reference_of_its_artifact(practice_artifact: Path) -> None:
    reference = CreditRiskModel(artifact_path=str(practice_artifact)).reference

    assert reference is not None
    assert set(reference) == {"labels", "values"}
