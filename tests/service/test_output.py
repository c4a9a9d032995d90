"""Every answer of a model is checked against its output schema."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import until
from tests.service import process
from tests.service.output_models import ALLOWED, REFUSED
from tests.service.process import Service

MODULE = "tests.service.output_models"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with process.ready(tmp_path_factory.mktemp("output"), {"class_path": f"{MODULE}.Answering"}) as service:
        yield service


@pytest.mark.parametrize("name", ALLOWED)
def test_an_allowed_answer_is_sent_as_the_contract_says(service: Service, name: str) -> None:
    answer = service.predict([*ALLOWED].index(name))

    assert (answer.status_code, answer.text) == (200, ALLOWED[name][1])
    assert "riskScore" in service.client.get("/openapi.json").json()["components"]["schemas"]["Scored"]["properties"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_answer_is_a_500_with_its_reason_in_the_log(service: Service, name: str) -> None:
    answer = service.predict(len(ALLOWED) + [*REFUSED].index(name))

    identifier = answer.headers["x-request-id"]
    assert answer.status_code == 500
    assert answer.json()["messages"] == [f"Internal error. See request id {identifier} in the log."]
    reason = service.log.split("OutputError: ")[-1]
    assert reason.startswith("The answer does not fit Scored: ")
    assert REFUSED[name][1] in reason


def test_a_wrong_answer_counts_as_failed(service: Service) -> None:
    failed = 'model_predictions_total{model="echo",outcome="failed"}'
    before = service.metric(failed)

    service.predict(len(ALLOWED))

    assert service.metric(failed) == before + 1


def test_a_schema_that_is_known_only_after_loading_is_checked_too(tmp_path: Path) -> None:
    with process.starting(tmp_path, {"class_path": f"{MODULE}.UntypedInstance"}) as service:
        until(lambda: service.statuses() == (503, 503, 200), "load failed")

        assert "output_schema is <class 'dict'>, which is not a pydantic model" in service.log
