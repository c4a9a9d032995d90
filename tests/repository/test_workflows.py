"""The workflows call the Makefile, pin what they use, and publish only what has passed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deployment.manifests import CONTAINER
from tests.repository.test_makefile import TARGETS

PATHS = sorted((ROOT / ".github" / "workflows").iterdir())
WORKFLOWS: dict[str, Any] = {path.stem: yaml.safe_load(path.read_text()) for path in PATHS}
RELEASE = WORKFLOWS["release"]["jobs"]
SECURITY = (ROOT / "SECURITY.md").read_text()
SIGNED = {"credit_risk_model_service", "credit_risk_model_scoring"}


def commands(job: dict[str, Any]) -> list[str]:
    """Return the scripts of a job."""
    return [step["run"] for step in job.get("steps", []) if "run" in step]


def test_ci_runs_what_every_machine_can_run() -> None:
    local = re.findall(r"^ *(make .*)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)

    assert commands(WORKFLOWS["ci"]["jobs"]["test"]) == ["make check", "make test", "make test-image BASE=by_digest"]
    assert local[:3] == ["make check", "make test", "make test-image"]
    for command in local[3:]:  # some of the tests, on another Python
        folders = re.fullmatch(r'make test ARGS="([^"]+)"', command)
        assert folders
        assert all((ROOT / folder).exists() for folder in folders[1].split())


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_target_of_a_workflow_exists(path: Path) -> None:
    scripts = [script for job in WORKFLOWS[path.stem]["jobs"].values() for script in commands(job)]

    assert set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", "\n".join(scripts))) <= set(TARGETS)


def test_the_cluster_of_ci_gets_the_image_of_the_manifests() -> None:
    assert f"kind load docker-image {CONTAINER['image']}" in commands(WORKFLOWS["ci"]["jobs"]["kind"])


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text())
    others = [use for use in used if not use.startswith("./.github/workflows/")]

    assert others
    assert [use for use in others if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


def test_an_action_has_one_version() -> None:
    used = re.findall(r"uses: ([\w/-]+)@(\S+)", "\n".join(path.read_text() for path in PATHS))

    assert len(set(used)) == len(dict(used))


def test_only_the_job_that_publishes_may_write() -> None:
    for name, workflow in WORKFLOWS.items():
        assert "write" not in str(workflow["permissions"])
        for job, content in workflow["jobs"].items():
            assert ("write" in str(content.get("permissions"))) == ((name, job) == ("release", "publish"))


def test_a_release_is_published_after_all_other_jobs() -> None:
    assert set(RELEASE["publish"]["needs"]) == RELEASE.keys() - {"publish"}


def test_a_release_tests_the_wheel_and_the_images_that_it_publishes() -> None:
    wheel, images = commands(RELEASE["wheel"]), "\n".join(commands(RELEASE["images"]))
    [tested] = [step["env"]["WHEEL"] for step in RELEASE["wheel"]["steps"] if "WHEEL" in step.get("env", {})]

    assert wheel[0] == "make wheel"
    assert tested.startswith("build/wheel/")
    assert images.index("make test-image BASE=by_digest") < images.index("docker save")
    built = {item["architecture"] for item in RELEASE["images"]["strategy"]["matrix"]["include"]}
    assert built == {"amd64", "arm64"}


def test_the_page_on_security_names_what_a_release_signs() -> None:
    pushed = "\n".join(commands(RELEASE["publish"]))

    assert "/.github/workflows/release.yaml@refs/tags/" in SECURITY
    assert set(re.findall(r"/(credit_risk_model_\w+):", SECURITY)) <= SIGNED
    assert all(name in pushed for name in SIGNED)
