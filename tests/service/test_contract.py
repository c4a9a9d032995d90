"""The contract says what the composed application answers, and keeps what the framework's promises."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from benchmarks.load import PREDICTION
from tests.conftest import CONFIGURATION, ROOT, SERVICE_PYTHON

CONTRACT = ROOT / "service_contract.yaml"


@pytest.fixture
def contract() -> Any:
    return yaml.safe_load(CONTRACT.read_text())


@pytest.fixture(scope="module")
def stock_contract(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("stock") / "contract.yaml"
    command = [str(Path(SERVICE_PYTHON).with_name("generate_openapi")), f"--configuration_file={CONFIGURATION}"]
    subprocess.run(
        [*command, f"--output_file={path}"], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=True, capture_output=True
    )
    return yaml.safe_load(path.read_text())


def test_the_contract_is_that_of_the_composed_application(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "credit_risk_model.service", "--contract", tmp_path / "contract.yaml"],
        cwd=ROOT,
        env=os.environ | {"REST_CONFIG": str(CONFIGURATION)},
        check=True,
        capture_output=True,
    )

    assert (tmp_path / "contract.yaml").read_text() == CONTRACT.read_text(), "stale: `make contract` renews it"


def test_the_running_service_shows_the_contract(service: httpx.Client, contract: Any) -> None:
    assert service.get("/openapi.json").json() == contract


def test_everything_that_the_stock_contract_promises_is_still_there(contract: Any, stock_contract: Any) -> None:
    schemas = stock_contract["components"]["schemas"]
    of_422 = {"HTTPValidationError", "ValidationError"}  # which the stock application never answers
    kept_schemas = contract["components"]["schemas"]
    kept_schemas["ModelMetadata"]["properties"].pop("artifact_digest")
    assert {name: schemas[name] for name in schemas if name not in of_422} == kept_schemas

    for path, operations in stock_contract["paths"].items():
        for method, promised in operations.items():
            kept = contract["paths"][path][method]
            for part in promised.keys() - {"responses", "summary", "description"}:
                assert kept[part] == promised[part]
            for status, response in promised["responses"].items():
                if path != "/" and status != "422":  # "/" leads to a page of HTML, not to JSON
                    assert kept["responses"][status]["content"] == response["content"]


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/", {"200", "307"}),
        ("/api/health", {"200", "503"}),
        ("/api/health/ready", {"200", "503"}),
        ("/api/health/startup", {"200", "503"}),
        ("/api/models", {"200", "500"}),
        (PREDICTION, {"200", "400", "404", "408", "413", "415", "500", "503"}),
        ("/api/models/{model_qualified_name}/metadata", {"200", "404", "500", "503"}),
    ],
)
def test_each_route_has_its_statuses(contract: Any, path: str, statuses: set[str]) -> None:
    [operation] = contract["paths"][path].values()

    assert set(operation["responses"]) == statuses


def test_every_answer_has_the_id_of_its_request(contract: Any) -> None:
    for operations in contract["paths"].values():
        for operation in operations.values():
            assert all("X-Request-ID" in response["headers"] for response in operation["responses"].values())


def test_a_refused_prediction_says_when_to_try_again(contract: Any) -> None:
    assert "Retry-After" in contract["paths"][PREDICTION]["post"]["responses"]["503"]["headers"]
