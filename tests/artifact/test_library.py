"""Every program names the package to install if LightGBM's system library is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAMS = {
    "service": ["-c", "import credit_risk_model.prediction.model"],
    "scoring": ["-m", "credit_risk_model.scoring", "--help"],
    "training": ["-m", "credit_risk_model.training", "--help"],
    "search": ["-m", "credit_risk_model.training.search", "--help"],
}


@pytest.mark.skipif(sys.platform != "linux", reason="the library has another name")
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_openmp_is_named_with_its_package(tmp_path: Path, program: str) -> None:
    (tmp_path / "libgomp.so.1").touch()  # the loader finds this file first, and cannot load it

    done = subprocess.run(
        [sys.executable, *PROGRAMS[program]], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"LD_LIBRARY_PATH": str(tmp_path)},
    )  # fmt: skip

    assert done.returncode == 1
    assert "libgomp.so.1" in done.stderr.splitlines()[-1]
    assert "Install libgomp1 (Debian, Ubuntu), libgomp (Fedora) or libomp" in done.stderr.splitlines()[-1]
