"""Facts that are in several files agree, and generated files are up to date."""

import importlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import credit_risk_model
from benchmarks.servers import SERVERS
from credit_risk_model.service.website import STATIC, TEMPLATES
from docs.tables import version as version_table
from tests.conftest import CONFIGURATION, ROOT, serving, until
from tests.repository.test_workflows import WORKFLOWS

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SERVICE_LOCK = ROOT / "service_requirements.txt"
SCORING_LOCK = ROOT / "scoring_requirements.txt"
PROJECT_LOCK = ROOT / "requirements.txt"
UV_LOCK = ROOT / "uv_requirements.txt"  # of uv, which needs nothing else


def locked(path: Path) -> dict[str, str]:
    """Return the pinned version of each package in a lock."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ \\]+)", path.read_text(), re.MULTILINE))


def test_there_is_one_version() -> None:
    version = credit_risk_model.__version__

    for path in version_table.files():
        assert version_table.renewed(path.read_text()) == path.read_text(), f"{path} is stale: `make docs` renews it"
    assert yaml.safe_load(CONFIGURATION.read_text())["version"] == version
    assert yaml.safe_load((ROOT / "service_contract.yaml").read_text())["info"]["version"] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
    assert set(re.findall(r"\d+\.\d+\.\d+", (ROOT / "SECURITY.md").read_text())) == {version}


def test_a_new_version_reaches_every_file_that_names_it() -> None:
    others = {"model_card.md", "on_book_model_card.md"}  # `make train` renews them

    stale = [
        path.name for path in version_table.files()
        if path.name not in others and credit_risk_model.__version__ in version_table.renewed(path.read_text(), "9.9.9")
    ]  # fmt: skip

    assert stale == []


@pytest.mark.parametrize("path", [SERVICE_LOCK, SCORING_LOCK, PROJECT_LOCK, UV_LOCK], ids=lambda path: path.name)
def test_every_package_of_a_lock_has_a_hash(path: Path) -> None:
    text = path.read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert len(entries) >= len(locked(path)) > (0 if path == UV_LOCK else 20)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text, "a lock names no index"


def test_every_compared_server_is_pinned_and_has_the_lightgbm_of_the_service() -> None:
    for server in SERVERS:
        pins = [Requirement(pin) for pin in server.pins.split()]

        assert all(str(pin.specifier).startswith("==") for pin in pins)
        versions = [str(pin.specifier) for pin in pins if pin.name == "lightgbm"]
        assert versions == ([f"=={locked(SERVICE_LOCK)['lightgbm']}"] if pins else [])


def test_a_package_in_several_locks_has_one_version() -> None:
    service, scoring, project = locked(SERVICE_LOCK), locked(SCORING_LOCK), locked(PROJECT_LOCK)

    assert service.items() <= scoring.items() <= project.items(), "`make lock` renews them all"


def test_the_locks_fit_the_requirements_of_the_project() -> None:
    project = PYPROJECT["project"]
    groups = dict(PYPROJECT["dependency-groups"])
    installer = groups.pop("installer")
    ours = f"{project['name']}[model]"
    extras = {
        name: [requirement for requirement in extra if requirement != ours]
        for name, extra in project["optional-dependencies"].items()
    }
    service = [*project["dependencies"], *extras["model"]]
    everything = service + [requirement for extra in extras.values() for requirement in extra]
    everything += [requirement for group in groups.values() for requirement in group]

    scoring = [*service, *extras["scoring"], *extras["cluster"]]
    wanted = {SERVICE_LOCK: service, SCORING_LOCK: scoring, PROJECT_LOCK: everything, UV_LOCK: installer}
    for path, requirements in wanted.items():
        versions = locked(path)
        for requirement in map(Requirement, requirements):
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{path.name} is stale: `make lock` renews it"


def test_the_service_lock_has_no_training_packages() -> None:
    others = {"dask", "distributed", "joblib", "pandas", "pyarrow", "pytest", "scikit-learn", "tqdm"}

    assert not others & locked(SERVICE_LOCK).keys()


def test_a_wheel_installs_and_serves_outside_the_checkout(wheel: Path, tmp_path: Path, loan: dict[str, Any]) -> None:
    python = tmp_path / "environment" / "bin" / "python"
    for command in (
        ["venv", "--python", sys.executable, str(tmp_path / "environment")],
        ["pip", "sync", "--python", str(python), "--require-hashes", "--only-binary", ":all:", str(SERVICE_LOCK)],
        ["pip", "install", "--python", str(python), "--no-deps", str(wheel)],
    ):
        subprocess.run([ROOT / "uv.sh", *command], cwd=tmp_path, check=True)
    commands = {name: str(python.with_name(name)) for name in PYPROJECT["project"]["scripts"]}

    assert subprocess.check_output([commands["credit-risk-artifact"], "verify"], cwd=tmp_path, text=True)
    with serving(tmp_path, command=[commands["model-service"]], cwd=tmp_path) as client:
        until(lambda: client.get("/api/health/ready").status_code == 200, "ready")
        answer = client.post("/api/models/credit_risk_model/prediction", json=loan)
    assert answer.json()["credit_risk"] in {"safe", "risky"}


def test_every_command_is_there() -> None:
    for target in PYPROJECT["project"]["scripts"].values():
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_a_wheel_holds_the_model_and_nothing_but_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"credit_risk_model/model_files/1.zip", "credit_risk_model/model_files/on_book_1.zip"} <= set(names)
    assert "credit_risk_model/py.typed" in names
    static = {
        path.relative_to(ROOT).as_posix() for path in [*STATIC.rglob("*"), *TEMPLATES.iterdir()] if path.is_file()
    }
    assert static <= set(names)
    assert not [name for name in names if "evidence" in name or not name.startswith("credit_risk_model")]


def test_a_wheel_holds_the_licences_of_all_its_parts(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    text = archive.read(metadata).decode()
    vendored = [path for path in STATIC.glob("swagger-ui-*/*") if re.search("LICENSE|NOTICE", path.name)]
    licence = PYPROJECT["project"]["license"]

    assert f"\nLicense-Expression: {licence}\n" in text
    assert f'org.opencontainers.image.licenses="{licence}"' in (ROOT / "Dockerfile").read_text()
    assert {path.name for path in vendored} == {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"}
    assert set(re.findall("^License-File: (.*)$", text, re.MULTILINE)) == {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "LICENSE", *vendored)
    }


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(PYPROJECT["project"]["classifiers"]))
    lowest, highest = classified[0], classified[-1]
    makefile, ruff = (ROOT / "Makefile").read_text(), PYPROJECT["tool"]["ruff"]["target-version"]
    base = re.findall(r"^FROM python:(3\.\d+)-slim", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert PYPROJECT["project"]["requires-python"] == f">={lowest}"
    assert ruff == f"py{lowest.replace('.', '')}"
    assert f">={lowest},<3.{int(highest.split('.')[1]) + 1}" in makefile
    assert f"No Python {lowest} to {highest} found" in makefile
    assert f"--python-version {lowest}" in makefile
    assert base
    assert set(base) <= set(classified)
    assert WORKFLOWS["ci"]["jobs"]["test"]["strategy"]["matrix"]["python"] == classified
