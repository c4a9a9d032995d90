"""The results of the benchmarks: one JSON file per benchmark, with the machine and the date."""

import json
import os
import platform
import re
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
# Where the Makefile puts the environments.
ENVIRONMENTS = ROOT / (os.environ.get("CREDIT_RISK_ENVIRONMENTS") or ".venv")


def conditions() -> dict[str, str]:
    """Return the machine and the date; the environment variable MACHINE overrides the detected machine."""
    return {"machine": os.environ.get("MACHINE") or _machine(), "date": time.strftime("%Y-%m-%d")}


def write(name: str, figures: dict[str, Any]) -> None:
    """Write the results of a benchmark."""
    (FOLDER / f"{name}.json").write_text(json.dumps(conditions() | figures, indent=1) + "\n")


def read(name: str) -> dict[str, Any]:
    """Return the last results of a benchmark."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def _machine() -> str:
    processors = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*: (.*)", processors.read_text(), re.MULTILINE) if processors.exists() else None
    return f"{os.cpu_count()} cores of {model[1].strip() if model else platform.processor() or platform.machine()}"
