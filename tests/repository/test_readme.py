"""What the README claims, run and compared with the artifact."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from rest_model_service.configuration import ServiceConfiguration

from credit_risk_model import artifact
from credit_risk_model.features import LOAN, ON_BOOK
from tests.conftest import ROOT
from tests.deployment.manifests import CONTAINER, PLAIN, one
from tests.repository.test_makefile import TARGETS
from tests.training.test_pipeline import MEMBERS, OF_THE_LOANS

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
ARTICLE_ROWS = [
    887_379, 887_379, 841_954, 835_167, 835_112, 835_111, 834_889, 834_884, 834_415, 831_103,
]  # fmt: skip
KINDS = {"": (artifact.PACKAGED, LOAN), "on_book_": (artifact.PACKAGED_ON_BOOK, ON_BOOK)}


def table(first_cell: str) -> list[list[str]]:
    """Return the rows below the header of the table whose header starts with the cell."""
    lines = README[README.index(f"| {first_cell} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    return artifact.read(artifact.PACKAGED, features=LOAN.specification()).metadata


def test_two_commands_a_request_and_its_answer_come_within_20_lines_of_three_sentences() -> None:
    start = README[README.index("You need") :].splitlines()[:20]

    assert [re.sub(" +#.*", "", line) for line in start if line.startswith("make ")] == ["make serve", "make test"]
    assert any(line.startswith("curl ") for line in start)
    assert start[-2:] == ['{"credit_risk":"safe"}', "```"]


def test_the_requests_get_the_answers_that_are_shown(service: httpx.Client, tmp_path: Path) -> None:
    answer = next(text for language, text in BLOCKS if language == "json")
    requests = [text for _, text in BLOCKS if "curl -s --noproxy '*' http" in text]
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    assert all("http://127.0.0.1:8000" in request for request in requests)

    printed, explanation, on_book, batch = (
        subprocess.check_output(
            ["bash", "-c", request.replace("http://127.0.0.1:8000", str(service.base_url).rstrip("/"))],
            text=True,
            cwd=tmp_path,
            env=environment | {"http_proxy": "http://127.0.0.1:9"},  # where nothing listens
        )
        for request in requests
    )

    assert printed == answer.strip()
    assert len(json.loads(explanation)["reasons"]) == 4
    assert json.loads(on_book)["credit_risk"] == "safe"
    assert json.loads(on_book)["probability"] != json.loads(explanation)["probability"]
    assert len(json.loads(batch)["loans"]) == 2


def test_the_request_is_the_example_of_the_documentation(loan: dict[str, Any]) -> None:
    request = next(text for _, text in BLOCKS if "curl " in text)

    assert json.loads(request[request.index("{") : request.index("}") + 1]) == loan


def test_the_file_is_scored_as_shown(loans_file: Path, tmp_path: Path) -> None:
    command = next(text for _, text in BLOCKS if "credit_risk_model.scoring" in text)
    shown = command.replace("loan.csv", str(loans_file)).replace("scored.csv", str(tmp_path / "scored.csv"))

    done = subprocess.run(["bash", "-c", shown], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert "4,000 rows in = " in done.stdout


def test_the_artifact_is_listed_and_extracted_as_shown(tmp_path: Path) -> None:
    commands = next(text for _, text in BLOCKS if text.startswith("make artifact\n"))

    subprocess.check_call(["bash", "-ec", commands.replace("build/artifact", str(tmp_path))], cwd=ROOT)

    assert {path.name for path in tmp_path.iterdir()} == MEMBERS


def test_every_target_that_is_named_exists() -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))

    assert {"serve", "test", "train", "data", "contract"} <= named <= set(TARGETS)


def test_the_preparation_left_the_rows_of_the_table(metadata: dict[str, Any]) -> None:
    rows = [[name, f"{count:,}"] for name, count in metadata["data"]["steps"]]

    assert [row[:2] for row in table("step")] == rows
    assert [row[2] for row in table("step")] == [f"{count:,}" for count in ARTICLE_ROWS]


def test_the_figures_are_those_of_the_artifacts(metadata: dict[str, Any]) -> None:
    on_book = artifact.read(artifact.PACKAGED_ON_BOOK, features=ON_BOOK.specification()).metadata
    on = {"the book": "the book", "as recorded": "the loans as recorded", "issued later": "loans issued later"}
    models = {name: figures for name, figures in metadata["compared"].items() if name != "this model"}
    models |= {
        "`credit_risk_model`": metadata["compared"]["this model"],
        "`credit_risk_on_book_model`": on_book["compared"]["this model"],
    }

    for name, population, *shown in table("model"):
        figures = models[name][on[population]]
        assert shown == [f"{figures[key]:.1%}" for key in ("current_flagged", "risky_share", "mean_probability")] + [
            f"{figures[key]:.3f}" for key in ("f1", "average_precision", "calibration_error")
        ]
    assert f"thresholds of {metadata['threshold']:.3f} and {on_book['threshold']:.3f}" in README


@pytest.mark.parametrize("prefix", KINDS)
def test_the_model_card_is_that_of_the_shipped_artifact(prefix: str) -> None:
    card = (ROOT / "docs" / f"{prefix}model_card.md").read_bytes()

    assert card == artifact.verify(KINDS[prefix][0])["model_card.md"], "stale: `make train DATA=loan.csv` renews it"


def test_the_shipped_artifacts_are_small_and_whole() -> None:
    assert artifact.PACKAGED.stat().st_size + artifact.PACKAGED_ON_BOOK.stat().st_size < 20_000_000
    assert artifact.verify(artifact.PACKAGED).keys() == MEMBERS
    assert artifact.verify(artifact.PACKAGED_ON_BOOK).keys() == MEMBERS - OF_THE_LOANS


def test_every_file_that_is_linked_exists() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", README)

    assert {"docs/model_card.md", "notebooks/credit_risk_model.ipynb"} <= set(linked)
    assert all((ROOT / path).exists() for path in linked)


def test_the_shipped_models_are_as_good_on_the_book_as_they_must_be() -> None:
    for prefix, average_precision, f1 in (("", 0.35, 0.35), ("on_book_", 0.85, 0.8)):
        path, features = KINDS[prefix]
        metadata = artifact.read(path, features=features.specification()).metadata
        assert metadata["metrics"]["average_precision"] >= average_precision
        assert metadata["metrics"]["f1"] >= f1
        assert metadata["metrics"]["calibration_error"] <= 0.04
        assert metadata["compared"]["this model"]["the book"]["current_flagged"] <= 0.08


def test_the_shipped_model_learned_from_real_loans(metadata: dict[str, Any]) -> None:
    assert metadata["data"]["source"].startswith("49,579 real Lending Club loans")
    assert metadata["data"]["steps"][0][1] == 49_579


def test_every_path_that_is_named_exists() -> None:
    for cell, _ in table("path"):
        for path in re.findall(r"`([^`]+)`", cell):
            assert (ROOT / path).exists() or (ROOT / "credit_risk_model" / path).exists(), path


def test_the_configured_artifact_is_a_valid_configuration() -> None:
    example = next(text for language, text in BLOCKS if language == "yaml")

    [model] = ServiceConfiguration(**yaml.safe_load(example)).models
    assert model.configuration is not None
    assert set(model.configuration) == {"artifact_path", "artifact_sha256"}


def test_the_commands_of_the_cluster_name_what_is_there() -> None:
    [commands] = [text for _, text in BLOCKS if "minikube start" in text]

    assert f"minikube image load {CONTAINER['image']}\n" in commands
    assert re.findall(r"create -f (\S+)", commands) == ["kubernetes/namespace.yaml", "kubernetes/model_service.yaml"]
    assert f"deployment/{one('Deployment', PLAIN)['metadata']['name']}\n" in commands
    assert f"minikube service {one('Service', PLAIN)['metadata']['name']} " in commands
    assert {f"--namespace {manifest['metadata']['namespace']}" for manifest in PLAIN[1:]} == set(
        re.findall(r"--namespace \S+", commands)
    )
