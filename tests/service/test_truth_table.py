"""The service in each of its states, as a process."""

from pathlib import Path

import pytest

from benchmarks.load import PROBES
from credit_risk_model.service.state import TRUTH_TABLE, State
from tests.conftest import until
from tests.service import process

STATES = {
    State.LOADING: process.loading,
    State.READY: process.ready,
    State.SATURATED: process.saturated,
    State.STALLED: process.stalled,
    State.TERMINATING: process.terminating,
    State.DRAINING: process.draining,
    State.LOAD_FAILED: process.load_failed,
}


@pytest.mark.parametrize("state", TRUTH_TABLE)
def test_the_metrics_show_the_state(state: State, tmp_path: Path) -> None:
    row = TRUTH_TABLE[state]
    with STATES[state](tmp_path) as service:
        assert service.metric(f'service_state{{state="{state}"}}') == 1
        prediction = service.predict()

        assert service.statuses() == (row.health, row.ready, row.startup)
        assert prediction.status_code == row.prediction
        assert ("retry-after" in prediction.headers) == row.retry_after


def test_a_model_is_served_once_it_is_loaded(tmp_path: Path) -> None:
    with process.loading(tmp_path) as service:
        early = service.predict()
        contract = service.client.get("/openapi.json")
        metadata = service.client.get("/api/models/echo/metadata")
        service.open_gate()
        until(lambda: service.statuses() == (200, 200, 200), "ready")

        assert (early.status_code, early.json()["type"]) == (503, "NotReady")
        assert (metadata.status_code, metadata.json()["type"]) == (503, "NotReady")
        assert (contract.status_code, contract.json()["type"]) == (503, "NotReady")
        assert service.predict().json() == {"number": 1.0}
        assert process.PREDICTION in service.client.get("/openapi.json").json()["paths"]


def test_no_model_is_served_before_all_are_loaded(tmp_path: Path) -> None:
    second = {"class_path": "tests.service.models.OtherEcho", "configuration": {"loads_with": str(tmp_path / "gate")}}

    with process.starting(tmp_path, {}, second) as service:
        until(lambda: "Loaded echo" in service.log, "the first model is loaded")

        assert service.predict().status_code == 503
        assert service.statuses() == (200, 503, 503)


def test_a_failed_load_is_logged_once_and_clients_do_not_see_why(tmp_path: Path) -> None:
    with process.load_failed(tmp_path) as service:
        answers = service.predict().text + service.client.get("/api/models").text + service.client.get(PROBES[0]).text

        assert service.log.count("RuntimeError: the disk is gone") == 1
        assert "Traceback" in service.log
        assert "disk" not in answers


def test_models_of_one_name_that_only_the_load_can_see_fail_it(tmp_path: Path) -> None:
    twin = {"class_path": "tests.service.models.NamedByInstance"}

    with process.starting(tmp_path, twin, twin) as service:
        until(lambda: service.statuses() == (503, 503, 200), "the load has failed")

        assert "same qualified name" in service.log
        assert "tests.service.models.NamedByInstance could not be loaded.\n" in service.log
