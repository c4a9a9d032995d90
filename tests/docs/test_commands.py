"""Runs or checks every command and every answer that the documents show."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from rest_model_service.configuration import ServiceConfiguration

from credit_risk_model import artifact
from tests.conftest import ROOT
from tests.deployment.manifests import CONTAINER, DEPLOYMENT, KUBERNETES, OVERLAY, PLAIN, one
from tests.docs.documents import DOCUMENTS, PAGES, README, blocks, commands
from tests.monitoring.test_outcomes import line, write_log, write_outcomes
from tests.repository.test_makefile import TARGETS, make
from tests.service.test_servers import FACTORY
from tests.training import test_pipeline

GUIDE = ROOT / "docs" / "your-model.md"
SERVED = "http://127.0.0.1:8000"
PYTHON = shlex.quote(sys.executable)
SCORING = ".venv/scoring/bin/python -m credit_risk_model.scoring "
OUTCOMES = ".venv/project/bin/python -m credit_risk_model.monitoring outcomes "
EXTRACT = ".venv/project/bin/python -m credit_risk_model.artifact extract --to "
BENCHMARK = ".venv/project/bin/python -m benchmarks."
# The first words of each command, and the test that runs or checks it.
TESTED = {
    "make": "test_every_make_target_exists, and tests/repository/test_makefile.py",
    "curl": "test_a_request_gets_its_answer, test_your_model.py",
    "echo": "test_a_request_gets_its_answer",
    SCORING.strip(): "test_a_file_is_scored_as_shown",
    OUTCOMES.strip(): "test_outcomes_are_compared_as_shown",
    EXTRACT.strip(): "test_the_artifact_is_listed_and_extracted_as_shown",
    f"{BENCHMARK}speed": "test_the_options_of_a_benchmark_exist",
    f"{BENCHMARK}health": "test_the_options_of_a_benchmark_exist",
    "docker": "tests/deployment/test_image.py, tests/deployment/test_your_image.py",
    "minikube": "test_the_files_and_names_in_the_cluster_commands_exist",
    "kubectl": "test_the_files_and_names_in_the_cluster_commands_exist",
    "cosign": "tests/repository/test_workflows.py",
    "gh": "tests/repository/test_workflows.py",
    "hypercorn": "test_the_commands_of_the_other_servers_name_the_application",
    "granian": "test_the_commands_of_the_other_servers_name_the_application",
    "gunicorn": "test_the_commands_of_the_other_servers_name_the_application",
    "./uv.sh": "test_your_model.py",
    "cd": "test_your_model.py",
    "../../build/iris/bin/python": "test_your_model.py",
    "../../build/iris/bin/model-service": "test_your_model.py",
}
# The requests to the shipped models. test_your_model.py sends the request of the guide.
REQUESTS = [(path, block) for path in DOCUMENTS if path != GUIDE for block in blocks(path, "sh") if SERVED in block]
SCORED = [line for path in DOCUMENTS for line in commands(path) if line.startswith(SCORING)]
CLUSTER = [line for path in DOCUMENTS if path != GUIDE for line in commands(path) if re.match("kubectl|minikube", line)]


def past_a_proxy() -> dict[str, str]:
    """Return an environment with a proxy that does not exist, so that a command fails if it uses the proxy."""
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    return environment | {"http_proxy": "http://127.0.0.1:9"}


def printed(command: str, folder: Path = ROOT) -> str:
    return subprocess.check_output(["bash", "-ec", command], text=True, cwd=folder, env=past_a_proxy())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that the commands may write to, with the files that they read."""
    for name in ("examples", "credit_risk_model"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_is_tested(path: Path) -> None:
    untested = [line for line in commands(path) if not f"{line} ".startswith(tuple(f"{words} " for words in TESTED))]

    assert untested == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_exists(path: Path) -> None:
    words = re.findall(r"(?:^|`)make ([a-z0-9-]+)", path.read_text(), re.MULTILINE)

    assert set(words) <= set(TARGETS)


@pytest.mark.parametrize("line", [line for path in DOCUMENTS for line in commands(path) if line.startswith(BENCHMARK)])
def test_the_options_of_a_benchmark_exist(line: str) -> None:
    shown = subprocess.check_output([sys.executable, "-m", line.split()[2], "--help"], text=True, cwd=ROOT)

    assert set(re.findall(r"--[a-z]+", line)) <= set(re.findall(r"--[a-z]+", shown))


@pytest.mark.parametrize(("path", "request_"), REQUESTS, ids=range(len(REQUESTS)))
def test_a_request_gets_its_answer(path: Path, request_: str, service: httpx.Client, checkout: Path) -> None:
    answer = printed(request_.replace(SERVED, str(service.base_url).rstrip("/")), checkout)

    shown = re.search(re.escape(f"```sh\n{request_}```\n") + r"```json\n(.*?)\n```", path.read_text(), re.DOTALL)
    found = json.loads(answer)
    if shown:
        assert answer == shown[1]
    elif "explanation" in request_:
        assert len(found["reasons"]) == 4
    else:
        assert len(found["loans"]) == 2


def test_make_score_prints_what_the_readme_shows(tmp_path: Path) -> None:
    """The environment of the tests replaces the smaller one that `make score` installs."""
    environment = tmp_path / "scoring"
    environment.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != ".installed":
            (environment / entry.name).symlink_to(entry)
    (environment / ".installed").touch()
    [line] = [block.strip() for block in blocks(README, "text")]

    done = make("score", f"SCORING={environment}", f"OUT={tmp_path}/scored/loans.csv")

    assert done.returncode == 0, done.stderr
    assert f"\n{line}, in " in done.stdout
    assert (tmp_path / "scored" / "loans.csv").read_text().count("\n") > 100


@pytest.mark.parametrize("command", SCORED, ids=range(len(SCORED)))
def test_a_file_is_scored_as_shown(command: str, checkout: Path) -> None:
    (checkout / "build").mkdir()

    shown = printed(command.replace(".venv/scoring/bin/python", PYTHON), checkout)

    assert ("200 rows = 190" if "--check" in command else "200 rows in = 190 scored + 10 rejected") in shown


def test_outcomes_are_compared_as_shown(checkout: Path) -> None:
    [command] = [line for path in PAGES for line in commands(path) if line.startswith(OUTCOMES)]
    write_log(checkout / "predictions.jsonl", [line("a"), line("b", 0.2)])
    write_outcomes(checkout / "outcomes.csv", [("a", "Charged Off"), ("b", "Fully Paid")])

    shown = printed(command.replace(".venv/project/bin/python", PYTHON), checkout)

    assert "2 lines = 2 predictions + 0 skipped\n2 of the predictions have an outcome\n" in shown
    assert (checkout / "build" / "outcomes.html").exists()


def test_the_artifact_is_listed_and_extracted_as_shown(tmp_path: Path) -> None:
    [block] = [block for path in PAGES for block in blocks(path, "sh") if block.startswith("make artifact\n")]
    members = test_pipeline.MEMBERS | test_pipeline.PAGES | {artifact.MODEL_TEXT}

    block = block.replace(".venv/project/bin/python", PYTHON).replace("build/artifact", str(tmp_path))
    subprocess.check_call(["bash", "-ec", block], cwd=ROOT)

    assert {path.name for path in tmp_path.iterdir()} == members


def test_the_files_and_names_in_the_cluster_commands_exist() -> None:
    text = "\n".join(CLUSTER)
    paths = re.findall(r"(?:-f|-k) (\S+)", text)

    jobs = {str(path.relative_to(ROOT)) for path in (KUBERNETES / "jobs").iterdir()}
    plain = {"kubernetes/namespace.yaml", "kubernetes/model_service.yaml"}
    assert {*plain, *jobs, str(OVERLAY.relative_to(ROOT))} == set(paths)
    assert set(re.findall(r"pod[/ ](\S+)|job/(\S+)", text)) >= {("copy-loans", ""), ("", "credit-risk-model-scoring")}
    assert set(re.findall(r"image load (\S+)", text)) == {CONTAINER["image"]}
    assert set(re.findall(r"deployment/(\S+)", text)) == {one("Deployment", PLAIN)["metadata"]["name"]}
    services = [name for path in DOCUMENTS for name in re.findall(r"minikube service (\S+)", path.read_text())]
    assert set(services) == {one("Service", PLAIN)["metadata"]["name"]}
    namespaces = re.findall(r"(?:--namespace|delete namespace) (\S+)", text)
    assert set(namespaces) == {manifest["metadata"]["namespace"] for manifest in PLAIN[1:]}
    assert DEPLOYMENT["replicas"] == 2, "the README says that two replicas are replaced"


def test_the_commands_of_the_other_servers_name_the_application() -> None:
    lines = [line for path in PAGES for line in commands(path) if line.startswith(("hypercorn", "granian", "gunicorn"))]

    assert len(lines) == 3
    assert all(FACTORY in line for line in lines)


CONFIGURATIONS = [block for path in PAGES if path != GUIDE for block in blocks(path, "yaml") if "kind:" not in block]


@pytest.mark.parametrize("content", CONFIGURATIONS)
def test_an_example_of_a_configuration_is_valid(content: str) -> None:
    configuration: dict[str, Any] = yaml.safe_load(content)
    for section in (configuration, *configuration["models"]):
        section.pop("service", None)  # the framework does not know this section; test_configuration.py tests it

    [model] = ServiceConfiguration(**configuration).models

    assert model.class_path == "credit_risk_model.prediction.model.CreditRiskModel"
