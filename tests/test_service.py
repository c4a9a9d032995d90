"""Our application and that of the framework, each as a process with the configuration of the project."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from benchmarks.load import PREDICTION
from credit_risk_model import __version__
from credit_risk_model.features import FEATURES, ON_BOOK
from credit_risk_model.prediction.model import CreditRiskModel
from tests.conftest import CONFIGURATION, STOPPED, serving, until

MODELS = [
    "credit_risk_model", "credit_risk_explanation_model", "credit_risk_batch_model", "credit_risk_on_book_model",
    "credit_risk_on_book_explanation_model", "credit_risk_on_book_batch_model",
]  # fmt: skip
EXPLANATION = "/api/models/credit_risk_explanation_model/prediction"
BATCH = "/api/models/credit_risk_batch_model/prediction"


@pytest.fixture(params=["service", "stock_service"], ids=["composed", "stock"])
def application(request: pytest.FixtureRequest) -> httpx.Client:
    client: httpx.Client = request.getfixturevalue(request.param)
    return client


def test_a_loan_is_safe_or_risky(application: httpx.Client, loan: dict[str, Any]) -> None:
    nearly_done = application.post(PREDICTION, json=loan)
    stopped = application.post(PREDICTION, json=loan | STOPPED)

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
def test_a_ready_service_is_healthy(application: httpx.Client, path: str, body: dict[str, str]) -> None:
    answer = application.get(path)

    assert (answer.status_code, answer.json()) == (200, body)


def test_the_models_are_listed(application: httpx.Client) -> None:
    models = application.get("/api/models").json()["models"]

    assert [model["qualified_name"] for model in models] == MODELS
    assert {model["version"] for model in models} == {__version__}


def test_a_loan_is_explained(application: httpx.Client, loan: dict[str, Any]) -> None:
    answer = application.post(EXPLANATION, json=loan)

    assert answer.status_code == 200
    assert answer.json()["credit_risk"] == "safe"
    assert len(answer.json()["reasons"]) == 4


def test_a_young_loan_is_safe_and_an_old_one_with_the_same_payments_is_risky(application: httpx.Client) -> None:
    ten_paid = ON_BOOK.example | {"total_payments_to_date": 4_064.0}
    path = PREDICTION.replace("credit_risk_model", "credit_risk_on_book_model")

    young, stopped = (application.post(path, json=ten_paid | {"months_since_issue": age}) for age in (10, 30))

    assert (young.status_code, young.json()) == (200, {"credit_risk": "safe"})
    assert (stopped.status_code, stopped.json()) == (200, {"credit_risk": "risky"})


def test_a_thousand_loans_are_answered_in_their_order(application: httpx.Client, loan: dict[str, Any]) -> None:
    risky = loan | STOPPED

    answer = application.post(BATCH, json={"loans": [loan, risky, loan] * 333 + [risky]})

    assert answer.status_code == 200
    assert [scored["credit_risk"] for scored in answer.json()["loans"]] == ["safe", "risky", "safe"] * 333 + ["risky"]


def test_one_bad_loan_refuses_the_batch_and_every_bad_field_is_named(
    service: httpx.Client, loan: dict[str, Any]
) -> None:
    loans = [loan] * 4 + [loan | {"term": "36 months", "loan_amount": 7}] + [loan] * 5 + [loan | {"surplus": 1}]

    answer = service.post(BATCH, json={"loans": loans})

    assert answer.status_code == 400
    places = [message.partition(":")[0] for message in answer.json()["messages"]]
    assert places == ["loans[4].loan_amount", "loans[4].term", "loans[10].surplus"]


def test_a_batch_of_1000_loans_with_indentation_is_accepted(service: httpx.Client, loan: dict[str, Any]) -> None:
    body = json.dumps({"loans": [loan] * 1_000}, indent=4)
    assert len(body) > 600_000

    answer = service.post(BATCH, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 200
    assert service.post(PREDICTION, content=body, headers={"content-type": "application/json"}).status_code == 413


def test_the_metadata_have_the_schemas(application: httpx.Client) -> None:
    metadata = application.get("/api/models/credit_risk_model/metadata").json()

    assert list(metadata["input_schema"]["properties"]) == [feature.field for feature in FEATURES]
    assert list(metadata["output_schema"]["properties"]) == ["credit_risk"]


def test_the_documentation_is_served(application: httpx.Client) -> None:
    assert "swagger" in application.get("/docs").text.lower()
    assert PREDICTION in application.get("/openapi.json").json()["paths"]


def test_predictions_are_counted_and_probes_are_not(application: httpx.Client, loan: dict[str, Any]) -> None:
    application.post(PREDICTION, json=loan)
    application.get("/api/health/ready")

    metrics = application.get("/metrics").text

    assert f'handler="{PREDICTION}"' in metrics
    assert 'handler="/api/health' not in metrics
    assert 'handler="/metrics"' not in metrics


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("loan_amount", '"36"'),
        ("loan_amount", "true"),
        ("interest_rate", "1e999"),
        ("annual_income", "1895"),
        ("loan_purpose", '"yacht"'),
    ],
)
def test_a_wrong_value_is_named(application: httpx.Client, loan: dict[str, Any], field: str, text: str) -> None:
    body = json.dumps(loan | {field: "HERE"}).replace('"HERE"', text)

    answer = application.post(PREDICTION, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["type"] == "ValidationError"
    [message] = answer.json()["messages"]
    assert field in message


def test_an_integer_with_a_decimal_point_is_accepted(application: httpx.Client, loan: dict[str, Any]) -> None:
    body = json.dumps(loan).replace('"loan_amount": 12000', '"loan_amount": 12000.0')
    assert "12000.0" in body

    answer = application.post(PREDICTION, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 200


def configured(folder: Path, **artifact: str) -> Path:
    """Write the configuration with these settings of the artifact for the models without the age; return the file."""
    configuration = yaml.safe_load(CONFIGURATION.read_text())
    for model in configuration["models"]:
        if ".on_book." not in model["class_path"]:
            model["configuration"] = artifact
    path = folder / "rest_configuration.yaml"
    path.write_text(yaml.safe_dump(configuration))
    return path


def test_the_configured_artifact_is_served(practice_artifact: Path, tmp_path: Path, loan: dict[str, Any]) -> None:
    digest = hashlib.sha256(practice_artifact.read_bytes()).hexdigest()
    expected = CreditRiskModel(artifact_path=str(practice_artifact))
    # The two models disagree about at least one of these loans.
    shipped = CreditRiskModel()
    loans = [
        loan | {"interest_rate": rate, "total_payments_to_date": paid} for rate in (8, 20) for paid in (1e3, 5e3, 9e3)
    ]
    answers = [expected.predict(expected.input_schema(**body)).model_dump(mode="json") for body in loans]
    assert answers != [shipped.predict(shipped.input_schema(**body)).model_dump(mode="json") for body in loans]

    with serving(
        tmp_path, configured(tmp_path, artifact_path=str(practice_artifact), artifact_sha256=digest)
    ) as client:
        until(lambda: client.get("/api/health/ready").status_code == 200, "ready")

        assert [client.post(PREDICTION, json=body).json() for body in loans] == answers


@pytest.mark.parametrize("artifact", ["missing", "tampered", "foreign", "not the pinned one"])
def test_a_wrong_artifact_is_named_once_in_the_log(
    artifact: str, practice_artifact: Path, tmp_path: Path, loan: dict[str, Any]
) -> None:
    path = tmp_path / "1.zip"
    if artifact == "foreign":
        with zipfile.ZipFile(path, "w") as other:
            other.writestr("model.joblib", b"of somebody else")
    elif artifact != "missing":
        path.write_bytes(practice_artifact.read_bytes())
    if artifact == "tampered":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    pinned = {"artifact_sha256": "0" * 64} if "pinned" in artifact else {}

    with serving(tmp_path, configured(tmp_path, artifact_path=str(path), **pinned)) as client:
        until(lambda: client.get("/api/health/startup").status_code == 200, "the start has ended")
        probes = [client.get(f"/api/health{probe}").status_code for probe in ("", "/ready", "/startup")]
        prediction = client.post(PREDICTION, json=loan)

    log = (tmp_path / "service.log").read_text()
    assert probes == [503, 503, 200]
    assert (prediction.status_code, prediction.json()["type"]) == (503, "LoadFailed")
    assert str(path) not in prediction.text
    assert log.count("ArtifactError: ") == 1
    assert str(path) in log
