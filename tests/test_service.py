"""The stock service as a process, with the configuration and the artifact of the project."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from credit_risk_model import __version__
from credit_risk_model.features import FEATURES
from credit_risk_model.prediction.model import CreditRiskModel
from tests.conftest import CONFIGURATION, serving, wait_until

PREDICTION = "/api/models/credit_risk_model/prediction"


def test_a_loan_is_safe_or_risky(service: httpx.Client, loan: dict[str, Any]) -> None:
    nearly_done = service.post(PREDICTION, json=loan)
    stopped = service.post(PREDICTION, json=loan | {"total_payments_to_date": 1_219.2})

    assert (nearly_done.status_code, nearly_done.json()) == (200, {"credit_risk": "safe"})
    assert (stopped.status_code, stopped.json()) == (200, {"credit_risk": "risky"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/health", {"health_status": "HEALTHY"}),
        ("/api/health/ready", {"readiness_status": "ACCEPTING_TRAFFIC"}),
        ("/api/health/startup", {"startup_status": "STARTED"}),
    ],
)
def test_a_ready_service_is_healthy(service: httpx.Client, path: str, body: dict[str, str]) -> None:
    answer = service.get(path)

    assert (answer.status_code, answer.json()) == (200, body)


def test_the_model_is_listed(service: httpx.Client) -> None:
    [model] = service.get("/api/models").json()["models"]

    assert model["qualified_name"] == "credit_risk_model"
    assert model["version"] == __version__


def test_the_metadata_hold_the_schemas(service: httpx.Client) -> None:
    metadata = service.get("/api/models/credit_risk_model/metadata").json()

    assert list(metadata["input_schema"]["properties"]) == [feature.field for feature in FEATURES]
    assert list(metadata["output_schema"]["properties"]) == ["credit_risk"]


def test_the_documentation_is_there(service: httpx.Client) -> None:
    assert "swagger" in service.get("/docs").text.lower()
    assert PREDICTION in service.get("/openapi.json").json()["paths"]


def test_predictions_are_counted_and_probes_are_not(service: httpx.Client, loan: dict[str, Any]) -> None:
    service.post(PREDICTION, json=loan)
    service.get("/api/health/ready")

    metrics = service.get("/metrics").text

    assert f'handler="{PREDICTION}"' in metrics
    assert 'handler="/api/health' not in metrics
    assert 'handler="/metrics"' not in metrics


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("loan_amount", '"36"'),
        ("loan_amount", "true"),
        ("loan_amount", "NaN"),
        ("interest_rate", "Infinity"),
        ("interest_rate", "1e999"),
        ("annual_income", "1895"),
        ("loan_purpose", '"yacht"'),
    ],
)
def test_a_wrong_value_is_named(service: httpx.Client, loan: dict[str, Any], field: str, text: str) -> None:
    body = json.dumps(loan | {field: "HERE"}).replace('"HERE"', text)

    answer = service.post(PREDICTION, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["type"] == "ValidationError"
    [message] = answer.json()["messages"]
    assert field in message


def test_an_integer_may_be_written_with_a_point(service: httpx.Client, loan: dict[str, Any]) -> None:
    body = json.dumps(loan).replace('"loan_amount": 12000', '"loan_amount": 12000.0')
    assert "12000.0" in body

    answer = service.post(PREDICTION, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 200


def configured(practice_artifact: Path, folder: Path, sha256: str) -> Path:
    """Write a configuration that names the artifact and its digest."""
    configuration = yaml.safe_load(CONFIGURATION.read_text())
    configuration["models"][0]["configuration"] = {"artifact_path": str(practice_artifact), "artifact_sha256": sha256}
    path = folder / "rest_configuration.yaml"
    path.write_text(yaml.safe_dump(configuration))
    return path


def test_the_configured_artifact_is_served(practice_artifact: Path, tmp_path: Path, loan: dict[str, Any]) -> None:
    digest = hashlib.sha256(practice_artifact.read_bytes()).hexdigest()
    expected = CreditRiskModel(artifact_path=str(practice_artifact))
    # A loan about which the two models disagree.
    shipped = CreditRiskModel()
    loans = [
        loan | {"interest_rate": rate, "total_payments_to_date": paid} for rate in (8, 20) for paid in (1e3, 5e3, 9e3)
    ]
    answers = [expected.predict(expected.input_schema(**body)).model_dump(mode="json") for body in loans]
    assert answers != [shipped.predict(shipped.input_schema(**body)).model_dump(mode="json") for body in loans]

    with serving(tmp_path, configured(practice_artifact, tmp_path, digest)) as client:
        wait_until(lambda: client.get("/api/health/ready").status_code == 200, "is ready")

        assert [client.post(PREDICTION, json=body).json() for body in loans] == answers


def test_another_artifact_than_the_configured_one_is_not_served(practice_artifact: Path, tmp_path: Path) -> None:
    with serving(tmp_path, configured(practice_artifact, tmp_path, "0" * 64)) as client:
        wait_until(lambda: client.get("/api/health/startup").status_code == 200, "ends its start")
        status = client.get("/api/health").status_code

    assert status == 503
    assert "ArtifactError" in (log := (tmp_path / "service.log").read_text())
    assert str(practice_artifact) in log
