"""The measurement of any model: how its request is made, and what the figures mean for the manifests."""

from pathlib import Path

import pytest

from benchmarks.load import post
from benchmarks.measure import Service
from benchmarks.measure_model import needs, prediction
from tests.service import process

FIGURES = {"seconds to ready": 1.0, "peak memory in MiB": 100, "slowest probe in ms": 20}


def test_the_first_model_gets_the_requests(tmp_path: Path) -> None:
    with process.ready(tmp_path, {}, {"class_path": "tests.service.models.OtherEcho"}) as service:
        assert prediction(service.address, b'{"number": 1}') == process.PREDICTION


def test_a_body_that_the_model_refuses_ends_the_measurement(tmp_path: Path) -> None:
    with process.ready(tmp_path) as service, pytest.raises(SystemExit, match=r"answers 400: .*number: Field required"):
        prediction(service.address, b"{}")


def test_a_model_that_cannot_be_loaded_ends_the_measurement(tmp_path: Path) -> None:
    with (
        process.starting(tmp_path, {"configuration": {"error": "no weights"}}) as service,
        pytest.raises(SystemExit, match="cannot be loaded"),
    ):
        Service(service.address, 0, str).until_ready()


def test_a_request_has_the_length_of_its_body() -> None:
    assert post("/x", b"{}").endswith(b"Content-Length: 2\r\n\r\n{}")


def test_the_slowest_start_and_probe_and_the_largest_memory_count() -> None:
    small = FIGURES | {"seconds to ready": 4.1, "slowest probe in ms": 2_100}
    large = FIGURES | {"peak memory in MiB": 301}

    assert needs({"no limit": large, "200m": small}) == [
        "startupProbe: periodSeconds x failureThreshold >= 13",
        "REST_STAY_READY_SECONDS >= 8",
        "every probe: (failureThreshold - 1) x max(periodSeconds, timeoutSeconds) + timeoutSeconds > 2.1",
        "memory: at least 452Mi",
    ]
