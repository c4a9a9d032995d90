"""Facts that are in several files agree, and generated files are up to date."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import credit_risk_model
from benchmarks.servers import SERVERS
from credit_risk_model.service.page import STATIC, TEMPLATES
from tests.conftest import CONFIGURATION, ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BACKEND = PYPROJECT["build-system"]["build-backend"]
SERVICE_LOCK = ROOT / "service_requirements.txt"
SCORING_LOCK = ROOT / "scoring_requirements.txt"
PROJECT_LOCK = ROOT / "requirements.txt"
SPY_LOCK = ROOT / "benchmarks" / "requirements" / "profile.txt"  # of py-spy, which needs nothing else
SERVER_LOCKS = sorted(set(SPY_LOCK.parent.glob("*.txt")) - {SPY_LOCK})


def locked(path: Path) -> dict[str, str]:
    """Return the pinned version of each package in a lock."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ \\]+)", path.read_text(), re.MULTILINE))


def test_there_is_one_version() -> None:
    version = credit_risk_model.__version__

    assert yaml.safe_load(CONFIGURATION.read_text())["version"] == version
    assert yaml.safe_load((ROOT / "service_contract.yaml").read_text())["info"]["version"] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    "path", [SERVICE_LOCK, SCORING_LOCK, PROJECT_LOCK, SPY_LOCK, *SERVER_LOCKS], ids=lambda path: path.name
)
def test_every_package_of_a_lock_has_a_hash(path: Path) -> None:
    text = path.read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert len(entries) >= len(locked(path)) > (0 if path == SPY_LOCK else 20)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text, "a lock names no index"


def test_every_server_of_the_benchmark_has_a_lock_and_one_lightgbm() -> None:
    assert {path.stem for path in SERVER_LOCKS} == {server.environment for server in SERVERS} - {"service"}
    assert {locked(path)["lightgbm"] for path in SERVER_LOCKS} == {locked(SERVICE_LOCK)["lightgbm"]}


def test_a_package_in_several_locks_has_one_version() -> None:
    service, scoring, project = locked(SERVICE_LOCK), locked(SCORING_LOCK), locked(PROJECT_LOCK)

    assert service.items() <= scoring.items() <= project.items(), "`make lock` renews them all"


def test_the_locks_fit_the_requirements_of_the_project() -> None:
    project = PYPROJECT["project"]
    service = list(project["dependencies"])
    groups = [*project["optional-dependencies"].values(), *PYPROJECT["dependency-groups"].values()]
    everything = service + [requirement for group in groups for requirement in group]

    extras = project["optional-dependencies"]
    scoring = [*service, *extras["scoring"], *extras["cluster"]]
    for path, requirements in ((SERVICE_LOCK, service), (SCORING_LOCK, scoring), (PROJECT_LOCK, everything)):
        versions = locked(path)
        for requirement in map(Requirement, requirements):
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{path.name} is stale: `make lock` renews it"


def test_the_service_lock_has_no_training_packages() -> None:
    others = {"dask", "distributed", "joblib", "pandas", "pyarrow", "pytest", "scikit-learn", "tqdm"}

    assert not others & locked(SERVICE_LOCK).keys()


def test_a_wheel_contains_the_models_and_static_files(tmp_path: Path) -> None:
    program = f"import {BACKEND} as backend; backend.build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)

    [wheel] = tmp_path.glob(f"credit_risk_model-{credit_risk_model.__version__}-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"credit_risk_model/model_files/1.zip", "credit_risk_model/model_files/on_book_1.zip"} <= set(names)
    assert "credit_risk_model/py.typed" in names
    static = {
        path.relative_to(ROOT).as_posix() for path in [*STATIC.rglob("*"), *TEMPLATES.iterdir()] if path.is_file()
    }
    assert static <= set(names)


def test_ci_calls_make_targets_and_nothing_else() -> None:
    commands = re.findall(r"^make .*$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text())["jobs"]["test"]["steps"]

    assert commands == ["make check", "make test", "make test-image"]
    assert [step["run"] for step in steps if "run" in step] == commands
