"""The measurement of any model: how its request is made, and what the figures mean for the manifests."""

import shutil
from pathlib import Path

import pytest

from benchmarks.load import post
from benchmarks.measure import Needs, Service, needs
from benchmarks.measure_model import compared, fitting, prediction
from tests.conftest import ROOT
from tests.deployment.manifests import built, one
from tests.repository.test_deployment import needs_kubectl
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

    assert needs({"no limit": large, "200m": small}) == Needs(start=13, stay_ready=8, slowest=2.1, memory=452)


def test_the_base_fits_a_small_model() -> None:
    assert compared(needs({"200m": FIGURES}), {}) == "All values of kubernetes/base fit."


def test_more_time_to_finish_needs_a_longer_grace_period() -> None:
    text = compared(needs({"200m": FIGURES}), {"finish_seconds": 40})

    assert "  template.spec.terminationGracePeriodSeconds: 50, should be 66\n" in text
    assert text.count("should be") == 1


@needs_kubectl
def test_the_printed_patch_makes_the_example_fit_a_large_model(tmp_path: Path) -> None:
    needed = Needs(start=204, stay_ready=71, slowest=4.0, memory=1_050)
    for folder in ("kubernetes", "configuration", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    overlay = tmp_path / "examples" / "iris"
    before = one("Deployment", built(overlay))

    text = compared(needed, {})
    with (overlay / "kustomization.yaml").open("a") as kustomization:
        kustomization.write(text.partition("kustomization.yaml:\n")[2])
    after = one("Deployment", built(overlay))

    assert fitting(after["spec"], needed, 26) == after["spec"] != before["spec"]
    assert after["metadata"] == before["metadata"]
    [container] = after["spec"]["template"]["spec"]["containers"]
    assert {"name": "REST_STAY_READY_SECONDS", "value": "71"} in container["env"]
    assert after["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 97
    assert after["spec"]["progressDeadlineSeconds"] > container["startupProbe"]["failureThreshold"] >= 204
    assert container["readinessProbe"]["timeoutSeconds"] == 2
    assert text.count("should be") == 7
