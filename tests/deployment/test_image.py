"""The image, run under the restrictions of its pod."""

import json
import os
import signal
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import credit_risk_model
from benchmarks.load import PREDICTION, PROBES, in_process, load
from credit_risk_model import artifact
from credit_risk_model.service.settings import Settings
from credit_risk_model.service.website import STATIC
from tests.conftest import CONFIGURATION, ROOT, until
from tests.deployment.containers import DOCKER, LIMITS, RESTRICTED, Container, created, docker, inside, running
from tests.deployment.kubelet import Kubelet
from tests.deployment.manifests import CONTAINER, POD
from tests.docs.documents import DOCUMENTS, commands

pytestmark = pytest.mark.image

UNPACKED_MEGABYTES = 400
NAME = f"credit-risk-model-{os.getpid()}"


def statuses(container: Container) -> tuple[int, ...]:
    try:
        return tuple(httpx.get(container.url + path, timeout=10).status_code for path in PROBES)
    except httpx.TransportError:
        return ()


def process_status(container: Container) -> dict[str, str]:
    """Return the entries of /proc/1/status."""
    lines = docker("exec", container.id, "cat", "/proc/1/status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def is_ready(container: Container) -> bool:
    return statuses(container) == (200, 200, 200)


@pytest.fixture(scope="module")
def ready() -> Iterator[Container]:
    with running("--health-interval=1s") as container:
        until(lambda: is_ready(container), "ready")
        yield container


@pytest.fixture(scope="module")
def configured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("image", "inspect", CONTAINER["image"]))[0]
    return found


def test_the_container_answers_a_prediction(ready: Container, loan: dict[str, Any]) -> None:
    assert httpx.post(ready.url + PREDICTION, json=loan, timeout=30).text == '{"credit_risk":"safe"}'


def test_docker_reports_the_container_as_healthy(ready: Container) -> None:
    until(lambda: ready.state("Health.Status") == "healthy", "healthy")


def test_the_container_runs_without_privileges_and_cannot_write(ready: Container) -> None:
    status = process_status(ready)

    assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert "Read-only" in docker("exec", ready.id, "touch", "/service/x", check=False)


def test_any_user_of_group_0_can_run_the_image(loan: dict[str, Any]) -> None:
    with running("--user=12345:0") as container:
        until(lambda: is_ready(container), "ready")

        assert httpx.post(container.url + PREDICTION, json=loan, timeout=30).text == '{"credit_risk":"safe"}'
        assert process_status(container)["Uid"].split() == ["12345"] * 4


def test_an_idle_container_has_only_threads_of_its_own(ready: Container) -> None:
    """The event loop, the writer of the log, and the worker of the one model that was asked.

    Otherwise the unused thread pool of a linear algebra library would grow with the cores of the node.
    """
    assert int(process_status(ready)["Threads"]) <= 3


def test_no_request_is_lost_when_the_container_is_stopped_under_load(loan: dict[str, Any]) -> None:
    with running() as container:
        until(lambda: is_ready(container), "ready")
        end = time.monotonic() + 60
        answers: list[int] = []

        def ask() -> None:
            while time.monotonic() < end:
                answers.append(httpx.post(container.url + PREDICTION, json=loan, timeout=30).status_code)

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        until(lambda: len(answers) > 50, "the load runs")
        before = len(answers)
        end = time.monotonic() + Settings().drain_seconds - 1
        container.signal(signal.SIGTERM)
        until(lambda: statuses(container) == (200, 503, 200), "draining")
        for thread in asking:
            thread.join()

        assert len(answers) > before
        assert set(answers) == {200}
        assert container.wait() == 0


def test_sigterm_ends_the_container_even_while_it_imports() -> None:
    """The first process of a container ignores signals that it does not handle."""
    with created(*RESTRICTED, "--cpus=0.2", "--memory=512m") as container:
        container.start()
        until(lambda: int(process_status(container)["SigCgt"], 16) & 1 << signal.SIGTERM - 1, "SIGTERM is handled")
        container.signal(signal.SIGTERM)

        assert container.wait() == 128 + signal.SIGTERM
        assert "running on" not in container.log, "it was still importing"


def configured_as(folder: Path, **model: str) -> str:
    """Return the option that mounts the configuration with these settings of the model."""
    configuration = yaml.safe_load(CONFIGURATION.read_text()) | {"service_title": "Mounted"}
    if model:
        configuration["models"][0]["configuration"] = model
    folder.chmod(0o755)
    (folder / CONFIGURATION.name).write_text(yaml.safe_dump(configuration))
    return f"--volume={folder}:/service/configuration:ro"


def test_a_mounted_configuration_is_used(tmp_path: Path) -> None:
    with running(configured_as(tmp_path)) as container:
        until(lambda: is_ready(container), "ready")

        assert httpx.get(container.url + "/openapi.json", timeout=30).json()["info"]["title"] == "Mounted"


def test_a_missing_artifact_is_logged_and_makes_the_container_unhealthy(tmp_path: Path) -> None:
    mounted = configured_as(tmp_path, artifact_path="/models/1.zip")

    with running(mounted, "--health-interval=1s", "--health-retries=1", "--health-start-period=1ms") as container:
        until(lambda: statuses(container) == (503, 503, 200), "the load has failed")
        until(lambda: container.state("Health.Status") == "unhealthy", "unhealthy")

        assert "/models/1.zip" in container.log
        container.signal(signal.SIGTERM)
        assert container.wait() == 1


def test_a_tampered_artifact_is_refused(tmp_path: Path) -> None:
    content = bytearray(artifact.PACKAGED.read_bytes())
    with zipfile.ZipFile(artifact.PACKAGED) as archive:
        content[archive.getinfo("model.joblib").header_offset + 1_000] ^= 1
    tampered = tmp_path / "1.zip"
    tampered.write_bytes(content)
    tampered.chmod(0o644)
    mounted = f"--volume={tampered}:/service/credit_risk_model/model_files/1.zip:ro"

    with running(mounted) as container:
        until(lambda: statuses(container) == (503, 503, 200), "the load has failed")

        assert "1.zip" in container.log


def test_128_connections_at_a_fifth_of_a_core_cause_no_restart() -> None:
    with created(*RESTRICTED, "--memory=500m", "--cpus=0.2") as container, Kubelet(POD, container) as kubelet:
        until(lambda: kubelet.ready, "ready")
        loading = in_process(load, container.address(), time.time() + 10, 128)
        answered = loading()

        assert set(answered) <= {200, 503}
        assert answered[200] > 0
        assert kubelet.ready
        assert kubelet.restarts == 0


# Those of our image; test_your_image.py runs the other one.
SHOWN = {line for path in DOCUMENTS for line in commands(path)}
RUNS = sorted(line for line in SHOWN if line.startswith("docker run ") and CONTAINER["image"] in line)


@pytest.mark.parametrize("command", RUNS, ids=range(len(RUNS)))
def test_the_documented_commands_start_a_ready_container(command: str) -> None:
    detached = command if "--detach" in command else command.replace("docker run", "docker run --detach")
    shown = detached.replace("docker", DOCKER, 1).replace("-p 127.0.0.1:8000:8000", "-p 127.0.0.1::8000")
    run = shown.replace("--name credit-risk-model ", f"--name {NAME} ")

    container = Container(subprocess.check_output(["bash", "-c", run], cwd=ROOT, text=True).strip())
    try:
        until(partial(is_ready, container), "ready")
    finally:
        docker("rm", "--force", container.id)


def test_the_image_is_small(configured: dict[str, Any]) -> None:
    assert configured["Size"] <= UNPACKED_MEGABYTES * 1_000_000


def test_the_image_has_its_user_command_and_version(configured: dict[str, Any]) -> None:
    config = configured["Config"]

    assert config["User"] == "10001:10001"
    assert config["WorkingDir"] == "/service"
    assert config["Cmd"][0] == "python"
    assert not config.get("Entrypoint")
    assert config["Labels"]["org.opencontainers.image.version"] == credit_risk_model.__version__


def test_the_image_has_no_build_tools_and_no_caches() -> None:
    tools = "gcc cc g++ make git sudo curl wget"

    assert inside("sh", "-c", f"for tool in {tools}; do command -v $tool; done; true") == ""
    assert inside("sh", "-c", "find ~root/.cache /var/lib/apt/lists /var/cache/apt -type f 2>/dev/null || true") == ""


def test_the_image_contains_only_the_folders_of_the_service() -> None:
    found = inside("find", "/service", "-not", "-path", "*/__pycache__*", "-type", "d").split()

    package = "/service/credit_risk_model"
    names = ("artifact", "model_files", "prediction", "service", "service/templates")
    static = [path for path in [STATIC, *STATIC.rglob("*")] if path.is_dir()]
    parts = {f"{package}/{part}" for part in [*names, *(path.relative_to(STATIC.parents[1]) for path in static)]}
    assert set(found) == {"/service", "/service/configuration", package} | parts


def test_every_module_is_compiled() -> None:
    program = (
        "import importlib.util, pathlib, site\n"
        "for folder in ('/service', *site.getsitepackages()):\n"
        "    for path in pathlib.Path(folder).rglob('*.py'):\n"
        "        if not pathlib.Path(importlib.util.cache_from_source(str(path))).exists():\n"
        "            print(path)"
    )

    assert inside("python", "-c", program) == ""


def test_every_user_can_read_all_files() -> None:
    """In a checkout, they may be readable only for their owner."""
    assert inside("find", "/service", "-not", "-perm", "-a=r") == ""


def test_the_restrictions_of_these_tests_are_those_of_the_pod() -> None:
    security = POD["securityContext"] | CONTAINER["securityContext"]

    assert security["readOnlyRootFilesystem"] == ("--read-only" in RESTRICTED)
    assert [f"--cap-drop={name}" for name in security["capabilities"]["drop"]] == ["--cap-drop=ALL"]
    assert any(limit.startswith("--memory=") for limit in LIMITS)
