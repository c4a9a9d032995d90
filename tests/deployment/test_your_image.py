"""The image of docs/your-model.md, built from the files on the page and run as it shows."""

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import until
from tests.deployment.containers import DOCKER, LIMITS, RESTRICTED, Container, created, docker
from tests.deployment.test_image import is_ready
from tests.docs.documents import blocks, commands, files
from tests.docs.test_commands import GUIDE

pytestmark = pytest.mark.image

SHOWN = "registry.example.com/iris:1.0.0"
IMAGE = f"iris:{os.getpid()}"
FILES = files(GUIDE)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image that the page builds, with another name."""
    folder = tmp_path_factory.mktemp("checkout")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    subprocess.run([sys.executable, "train.py"], cwd=folder / "examples" / "iris", check=True)
    [build] = [line for line in commands(GUIDE) if line.startswith("docker build")]
    command = build.replace("docker", DOCKER, 1).replace(SHOWN, IMAGE)
    subprocess.run(["bash", "-ec", command], cwd=folder, check=True, capture_output=True)
    yield IMAGE
    docker("rmi", "--force", IMAGE)


def ask(container: Container) -> str:
    headers = {"content-type": "application/json"}
    request = FILES["examples/iris/iris.json"]
    return httpx.post(f"{container.url}/api/models/iris/prediction", content=request, headers=headers, timeout=60).text


def test_the_container_answers_under_the_restrictions_of_the_pod(image: str) -> None:
    with created(*RESTRICTED, *LIMITS, image=image) as container:
        container.start()
        until(lambda: is_ready(container), "ready")

        assert ask(container) + "\n" in blocks(GUIDE, "json")


def test_the_documented_command_starts_a_ready_container(image: str) -> None:
    [run] = [line for line in commands(GUIDE) if line.startswith("docker run")]
    shown = run.replace("docker", DOCKER, 1).replace("127.0.0.1:8000:8000", "127.0.0.1::8000").replace(SHOWN, image)
    started = shown.replace("--name iris ", f"--name iris-{os.getpid()} ")

    container = Container(subprocess.check_output(["bash", "-c", started], text=True).strip())
    try:
        until(lambda: is_ready(container), "ready")
    finally:
        docker("rm", "--force", container.id)
