"""What the models tell about their answers, for the metrics and the prediction log of the service."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.explanation import CreditRiskExplanationModel
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.schemas import CreditRiskBatchModelOutput, CreditRiskModelOutput
from tests.conftest import STOPPED


@pytest.mark.parametrize("model_class", [CreditRiskModel, CreditRiskExplanationModel])
@pytest.mark.parametrize(("changes", "label"), [({}, "safe"), (STOPPED, "risky")])
def test_an_observation_has_the_inputs_the_probability_and_the_label(
    model_class: type[CreditRiskModel], changes: dict[str, Any], label: str, loan: dict[str, Any]
) -> None:
    model = model_class()
    data = model.input_schema(**loan | changes)

    inputs, score, found = model.observations(data, model.predict(data))

    assert inputs.items() >= (loan | changes).items()
    assert score == CreditRiskModel().probability(data)
    assert found == label


def test_a_batch_model_has_an_observation_for_each_loan(loan: dict[str, Any], shipped_model: CreditRiskModel) -> None:
    model = CreditRiskBatchModel()
    loans = [loan, loan | STOPPED]
    data = model.input_schema(loans=loans)

    inputs, scores, labels = model.observations(data, model.predict(data))

    assert inputs == {field: (loan[field], (loan | STOPPED)[field]) for field in loan}
    assert scores == [shipped_model.probability(shipped_model.input_schema(**each)) for each in loans]
    assert labels == ["safe", "risky"]


def test_a_large_batch_has_the_same_values_as_a_small_one(loan: dict[str, Any]) -> None:
    model = CreditRiskBatchModel()
    small, large = (model.input_schema(loans=times * [loan, loan | STOPPED]) for times in (1, 500))

    few, many = (model.observations(data, model.predict(data)) for data in (small, large))

    assert few[0].keys() == many[0].keys()
    for field, column in many[0].items():
        values = column.tolist() if isinstance(column, np.ndarray) else list(column)
        assert values == 500 * list(few[0][field])
        assert list(map(type, values)) == 500 * list(map(type, few[0][field]))
    assert (many[1], many[2]) == (500 * few[1], 500 * few[2])


def test_a_batch_whose_answer_a_decorator_made_is_told_too(loan: dict[str, Any]) -> None:
    model = CreditRiskBatchModel()
    data = model.input_schema(loans=[loan])
    answer = CreditRiskBatchModelOutput.model_validate(model.predict(data).model_dump())

    assert model.observations(data, answer) == model.observations(data, model.predict(data))


def test_the_probability_is_not_part_of_the_answer(shipped_model: CreditRiskModel, loan: dict[str, Any]) -> None:
    answer = shipped_model.predict(shipped_model.input_schema(**loan))

    assert answer.probability is not None
    assert answer.model_dump() == {"credit_risk": "safe"}
    assert set(CreditRiskModelOutput.model_json_schema()["properties"]) == {"credit_risk"}


def test_a_model_has_the_reference_of_its_artifact(practice_artifact: Path) -> None:
    reference = CreditRiskModel(artifact_path=str(practice_artifact)).reference

    assert reference is not None
    assert set(reference) == {"labels", "values"}
