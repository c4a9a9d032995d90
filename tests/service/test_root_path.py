"""The service below a path of a proxy, which takes the path off or leaves it, and what it believes of the proxy."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load import PROBES
from tests.conftest import until
from tests.service import process
from tests.service.process import PREDICTION, Service

ROOT_PATH = "/risk/v1"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"root_path": ROOT_PATH, "log_format": "json"}
    with process.ready(tmp_path_factory.mktemp("below"), service=settings) as service:
        yield service


@pytest.fixture(params=["", ROOT_PATH], ids=["taken off", "left"])
def prefix(request: pytest.FixtureRequest) -> str:
    """What the proxy leaves of the root path."""
    return str(request.param)


def line(service: Service, request_id: str) -> Any:
    """Return the line of a request in the access log, which comes after its answer."""

    def found() -> list[Any]:
        records = [json.loads(each) for each in service.log.splitlines()]
        return [record for record in records if record["request_id"] == request_id]

    [record] = until(found, "the line")
    return record


def test_the_pages_link_below_the_root_path(service: Service, prefix: str) -> None:
    assert f"{ROOT_PATH}/openapi.json" in service.client.get(f"{prefix}/docs").text
    assert service.client.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": ROOT_PATH}]
    for path in ("/api/models", "/api/models/echo/metadata"):
        assert service.client.get(f"{prefix}{path}").status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_files_of_a_page_are_below_the_root_path(service: Service, prefix: str, path: str) -> None:
    files = re.findall(r'(?:href|src)="([^"#]*)"', service.client.get(f"{prefix}{path}").text)

    assert len(files) >= 3
    for file in files:
        assert file.startswith(f"{ROOT_PATH}/")
        assert (
            service.client.get(file).status_code == service.client.get(file.removeprefix(ROOT_PATH)).status_code == 200
        )


def test_a_redirect_leads_below_the_root_path(service: Service, prefix: str) -> None:
    answer = service.client.get(f"{prefix}/redoc")

    assert (answer.status_code, answer.headers["location"]) == (307, f"{ROOT_PATH}/docs")


def test_the_root_path_itself_is_the_page(service: Service) -> None:
    assert service.client.get(ROOT_PATH).text == service.client.get("/").text


def test_a_prediction_is_answered_and_measured_by_its_own_path(service: Service, prefix: str) -> None:
    answer = service.client.post(f"{prefix}{PREDICTION}", json={"number": 3})

    assert answer.json() == {"number": 3.0}
    assert service.client.options(f"{prefix}{PREDICTION}").status_code == 204
    metrics = service.client.get(f"{prefix}/metrics").text
    assert f'handler="{PREDICTION}",method="POST",status="200"' in metrics
    assert ROOT_PATH not in metrics


def test_probes_and_metrics_are_quiet_there_too(service: Service, prefix: str) -> None:
    for path in [*PROBES, "/metrics"]:
        answer = service.client.get(f"{prefix}{path}", headers={"X-Request-ID": "quiet"})
        assert answer.status_code == 200
    last = f"after-{len(prefix)}"
    service.client.get("/api/models", headers={"X-Request-ID": last})

    line(service, last)
    assert '"quiet"' not in service.log


@pytest.mark.parametrize(
    "path", [f"{ROOT_PATH}/nowhere", "/risk", f"{ROOT_PATH}x/docs", f"{ROOT_PATH}{ROOT_PATH}/docs"]
)
def test_another_path_is_not_found(service: Service, path: str) -> None:
    assert service.client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("request_id", "forwarded"),
    [
        ("trusted-1", "198.51.100.9, 203.0.113.7"),
        ("trusted-2", "::ffff:203.0.113.7"),
        ("trusted-3", "203.0.113.7, ::ffff:127.0.0.1"),
    ],
)
def test_the_log_has_the_client_that_a_trusted_proxy_names(service: Service, request_id: str, forwarded: str) -> None:
    given = {"X-Request-ID": request_id, "X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    service.client.get("/api/models", headers=given)

    assert line(service, request_id)["client"] == "203.0.113.7"


def test_the_log_has_the_address_of_a_client_without_a_proxy(service: Service) -> None:
    service.client.get("/api/models", headers={"X-Request-ID": "direct"})

    assert line(service, "direct")["client"] == "127.0.0.1"


def test_other_proxies_are_not_trusted(tmp_path: Path) -> None:
    settings = {"trusted_proxies": "192.0.2.1, 10.0.0.0/8", "log_format": "json"}
    with process.ready(tmp_path, service=settings) as service:
        given = {"X-Request-ID": "untrusted", "X-Forwarded-For": "203.0.113.7"}
        service.client.get("/api/models", headers=given)

        assert line(service, "untrusted")["client"] == "127.0.0.1"


@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.0/8, ::1"])
def test_a_trusted_proxy_is_known_by_a_listener_of_ipv6_too(tmp_path: Path, trusted: str) -> None:
    settings = {"trusted_proxies": trusted, "log_format": "json"}
    configuration = process.write_configuration(tmp_path, service=settings)
    with process.running(tmp_path, configuration, arguments=["--host", "*"]) as service:
        until(lambda: service.statuses() == (200, 200, 200), "ready")
        given = {"X-Request-ID": "trusted", "X-Forwarded-For": "203.0.113.7"}
        service.client.get("/api/models", headers=given)
        service.client.get("/api/models", headers={"X-Request-ID": "direct"})

        assert line(service, "trusted")["client"] == "203.0.113.7"
        assert line(service, "direct")["client"] == "127.0.0.1"
