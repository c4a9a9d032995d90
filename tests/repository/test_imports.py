"""The imports between the parts of the package go one way, and importing has no side effects."""

import ast
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CONFIGURATION, ROOT, SERVICE_PYTHON, until

PACKAGE = ROOT / "credit_risk_model"
# The other parts of the package that each part may import, in addition to the version.
ALLOWED: dict[str, set[str]] = {
    "categories": set(),
    "feature_set": set(),
    "features": {"categories", "feature_set", "lending_club_book"},
    "lending_club": {"categories", "lending_club_book"},
    "lending_club_book": {"feature_set"},
    "months": set(),
    "atomic_file": set(),
    "artifact": {"atomic_file"},
    "loan_files": {"atomic_file", "feature_set", "features", "lending_club", "lending_club_book", "months"},
    "prediction": {"artifact", "categories", "feature_set", "features"},
    "scoring": {
        "artifact",
        "atomic_file",
        "categories",
        "feature_set",
        "features",
        "lending_club",
        "lending_club_book",
        "loan_files",
        "months",
        "prediction",
    },
    "training": {
        "artifact",
        "atomic_file",
        "categories",
        "feature_set",
        "features",
        "lending_club",
        "lending_club_book",
        "loan_files",
        "months",
    },
    "monitoring": {"artifact", "atomic_file", "categories", "lending_club", "loan_files", "training"},
    "service": set(),
}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relative to itself"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {module.split(".")[1] for module in modules if module.startswith("credit_risk_model.")}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        assert imported_parts(path) == set()
        return

    assert imported_parts(path) - {part_of(path), "__version__"} <= ALLOWED[part_of(path)]


def test_the_service_imports_no_training_package() -> None:
    program = "import json, sys, credit_risk_model.prediction.model; print(json.dumps(sorted(sys.modules)))"

    modules = json.loads(subprocess.check_output([SERVICE_PYTHON, "-c", program], cwd=ROOT))

    assert not [name for name in modules if name.startswith("credit_risk_model.training")]
    if sys.executable != SERVICE_PYTHON:
        others = {"dask", "distributed", "joblib", "pandas", "pyarrow", "sklearn", "tqdm"}
        assert not others & {name.split(".")[0] for name in modules}


# Every package outside the standard library that the service imports. Each one makes the start slower and larger.
SERVICE_PACKAGES = {
    "annotated_doc", "annotated_types", "anyio", "asgi_correlation_id", "click", "fastapi", "httptools", "lightgbm",
    "ml_base", "narwhals", "numpy", "opentelemetry", "prometheus_client", "pydantic", "pydantic_core",
    "pythonjsonlogger", "rest_model_service", "scipy", "starlette", "typing_extensions", "typing_inspection", "uvicorn",
    "uvloop", "yaml",
}  # fmt: skip


@pytest.mark.skipif(sys.executable == SERVICE_PYTHON, reason="the environment of the service is not there")
def test_the_service_imports_these_packages_and_no_others(tmp_path: Path) -> None:
    log = tmp_path / "imports.log"
    program = [SERVICE_PYTHON, "-X", "importtime", "-m", "credit_risk_model.service", "--port", "0"]
    with log.open("w") as output:
        environment = os.environ | {"REST_CONFIG": str(CONFIGURATION)}
        process = subprocess.Popen(program, cwd=ROOT, env=environment, stderr=output)
    try:
        until(lambda: "Loaded" in log.read_text() and "uvloop" in log.read_text(), "loaded")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)

    tried = {found.split(".")[0] for found in re.findall(r"^import time:.*\| +(\S+)$", log.read_text(), re.MULTILINE)}
    [site] = Path(SERVICE_PYTHON).parent.parent.glob("lib/python*/site-packages")
    packages = {name for name in tried if (site / name).is_dir() or (site / f"{name}.py").is_file()}
    assert packages - {"_distutils_hack"} == SERVICE_PACKAGES


def test_nothing_happens_at_import(tmp_path: Path) -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in PACKAGE.rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py")
        and not {"loan_files", "monitoring", "scoring", "training"} & {*path.parts}
    ]
    program = (
        "import logging, os, sys; sys.path.insert(0, sys.argv.pop()); before = dict(os.environ);"
        f"import {', '.join(modules)};"
        "assert dict(os.environ) == before; assert not logging.root.handlers"
    )

    subprocess.run([SERVICE_PYTHON, "-B", "-c", program, str(ROOT)], cwd=tmp_path, check=True)

    assert list(tmp_path.iterdir()) == []
