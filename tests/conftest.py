"""The loans, artifacts and servers that many tests share."""

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pandas as pd
import pytest

from benchmarks.results import ENVIRONMENTS
from credit_risk_model.features import LOAN
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.training import book, dataset, pipeline, preparation, synthetic

ROOT = Path(__file__).parent.parent
CONFIGURATION = ROOT / "configuration" / "rest_configuration.yaml"
# The environment of `make serve`, if it is installed: it has exactly the packages that the service needs.
_SERVICE_PYTHON = ENVIRONMENTS / "service" / "bin" / "python"
SERVICE_PYTHON = str(_SERVICE_PYTHON) if _SERVICE_PYTHON.exists() else sys.executable
_ENDING = (signal.SIGINT, signal.SIGTERM)


class _InterruptOnce:
    """Handles the first SIGTERM like Ctrl-C, so that the processes of the tests are stopped too.

    make passes on the signal that it gets, so a second one may come while the first is being handled.
    """

    def __init__(self) -> None:
        self._has_begun = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self._has_begun:
            self._has_begun = True
            raise KeyboardInterrupt


def pytest_configure() -> None:
    """Request the servers of the tests directly even if the environment names a proxy, and handle SIGTERM."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    os.environ["no_proxy"] = ",".join(filter(None, [given, "127.0.0.1", "localhost"]))
    signal.signal(signal.SIGTERM, _InterruptOnce())


@pytest.fixture(autouse=True)
def _the_signal_handlers_stay() -> Iterator[None]:
    """Fail a test that changes the handler of SIGINT or SIGTERM, because these signals must end the tests."""
    before = {number: signal.getsignal(number) for number in _ENDING}
    yield
    after = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        signal.signal(number, before[number])
    assert after == before


@pytest.fixture
def loan() -> dict[str, Any]:
    """The body of a valid request: the example of the documentation."""
    return dict(LOAN.example)


# Changes the example to a loan that stopped: a quarter was paid, and the last payment was small.
STOPPED: dict[str, Any] = {"last_payment_amount": 35.0, "total_payments_to_date": 3_000.0}


@pytest.fixture(scope="session")
def loans_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gzip-compressed CSV file of 4,000 synthetic loans."""
    path = tmp_path_factory.mktemp("loans") / "loan.csv.gz"
    synthetic.write(path, rows=4_000)
    return path


@pytest.fixture(scope="session")
def prepared_loans(loans_file: Path) -> pd.DataFrame:
    """The synthetic loans, prepared."""
    return preparation.prepare(dataset.read(loans_file, progress=False))[0]


@pytest.fixture(scope="session")
def aged_loans(prepared_loans: pd.DataFrame) -> pd.DataFrame:
    """The prepared synthetic loans as recorded, with their ages."""
    return book.as_recorded(prepared_loans)


@pytest.fixture(scope="session")
def practice_on_book_artifact(practice_artifact: Path) -> Path:
    """The artifact of the on-book model, trained on the synthetic loans in the same run as `practice_artifact`."""
    return practice_artifact.with_name("on_book_1.zip")


@pytest.fixture(scope="session")
def practice_artifact(loans_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact trained on the synthetic loans."""
    path = tmp_path_factory.mktemp("artifact") / "1.zip"
    pipeline.run(loans_file, path, source="4,000 synthetic loans", reports=False)
    return path


@pytest.fixture(scope="session")
def shipped_model() -> CreditRiskModel:
    return CreditRiskModel()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the environment variable WHEEL names, or that of the checkout."""
    if "WHEEL" in os.environ:
        return (ROOT / os.environ["WHEEL"]).resolve(strict=True)
    folder = tmp_path_factory.mktemp("wheel")
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["build-backend"]
    program = f"import {backend} as backend; backend.build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    [built] = folder.glob("*.whl")
    return built


STOCK = ("uvicorn", "rest_model_service.main:app")
COMPOSED = ("credit_risk_model.service",)


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until a condition is true and return its value; fail after 300 s."""
    deadline = time.monotonic() + 300
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)
    return value


@contextmanager
def serving(
    folder: Path,
    configuration: Path = CONFIGURATION,
    module: Sequence[str] = COMPOSED,
    *,
    command: Sequence[str] | None = None,
    cwd: Path = ROOT,
) -> Iterator[httpx.Client]:
    """Start the service as a process on a free port, yield a client when it listens, and stop it."""
    log = folder / "service.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*(command or [SERVICE_PYTHON, "-m", *module]), "--port", "0"],
            cwd=cwd,
            env=os.environ | {"REST_CONFIG": str(configuration)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "running on http" in log.read_text() or process.poll() is not None, "listening")
        found = re.search(r"running on (http://\S+)", log.read_text())
        assert found, log.read_text()
        with httpx.Client(base_url=found[1], timeout=10) as client:
            yield client
    finally:
        process.send_signal(signal.SIGINT)  # does not drain
        process.wait(timeout=20)


@contextmanager
def ready(folder: Path, module: Sequence[str]) -> Iterator[httpx.Client]:
    """Start the service and wait until it is ready."""
    with serving(folder, module=module) as client:
        until(lambda: client.get("/api/health/ready").status_code == 200, "ready")
        yield client


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The real service with the shipped models, ready."""
    with ready(tmp_path_factory.mktemp("service"), COMPOSED) as client:
        yield client


@pytest.fixture(scope="session")
def stock_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The application of the framework without ours, with the same configuration, ready."""
    with ready(tmp_path_factory.mktemp("stock"), STOCK) as client:
        yield client
