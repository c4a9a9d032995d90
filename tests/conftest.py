"""The loans, artifacts and servers that many tests share."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from benchmarks.record import ENVIRONMENTS
from credit_risk_model.features import LOAN
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.training import book, dataset, invented, pipeline, preparation

ROOT = Path(__file__).parent.parent
CONFIGURATION = ROOT / "configuration" / "rest_configuration.yaml"
# The environment that `make serve` makes, where it is there: it holds what the service needs and nothing more.
_SERVICE_PYTHON = ENVIRONMENTS / "service" / "bin" / "python"
SERVICE_PYTHON = str(_SERVICE_PYTHON) if _SERVICE_PYTHON.exists() else sys.executable
_ENDING = (signal.SIGINT, signal.SIGTERM)


def pytest_configure() -> None:
    """Ask the servers of the tests directly where the environment names a proxy; end on SIGTERM as on Ctrl-C."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    os.environ["no_proxy"] = ",".join(filter(None, [given, "127.0.0.1", "localhost"]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what the tests started is ended, too


@pytest.fixture(autouse=True)
def _the_signal_handlers_stay() -> Iterator[None]:
    """Ctrl-C and SIGTERM must end the tests: a test that left a handler of its own fails."""
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


# What makes a stopped loan of the example: a quarter was paid, and then little came from a collector.
STOPPED: dict[str, Any] = {"last_payment_amount": 35.0, "total_payments_to_date": 3_000.0}


@pytest.fixture(scope="session")
def loans_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 4,000 invented loans, as CSV with gzip."""
    path = tmp_path_factory.mktemp("loans") / "loan.csv.gz"
    invented.write(path, rows=4_000)
    return path


@pytest.fixture(scope="session")
def prepared_loans(loans_file: Path) -> pd.DataFrame:
    """The invented loans, prepared."""
    return preparation.prepare(dataset.read(loans_file, progress=False))[0]


@pytest.fixture(scope="session")
def aged_loans(prepared_loans: pd.DataFrame) -> pd.DataFrame:
    """The invented loans, prepared, as recorded, with their ages."""
    return book.as_recorded(prepared_loans)


@pytest.fixture(scope="session")
def practice_on_book_artifact(practice_artifact: Path) -> Path:
    """The artifact of the on-book model, trained on the invented loans with the other one."""
    return practice_artifact.with_name("on_book_1.zip")


@pytest.fixture(scope="session")
def practice_artifact(loans_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact trained on the invented loans."""
    path = tmp_path_factory.mktemp("artifact") / "1.zip"
    pipeline.run(loans_file, path, source="4,000 invented loans", reports=False)
    return path


@pytest.fixture(scope="session")
def shipped_model() -> CreditRiskModel:
    return CreditRiskModel()


STOCK = ("uvicorn", "rest_model_service.main:app")
COMPOSED = ("credit_risk_model.service",)


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition and return its value; fail where it does not come true even on a busy machine."""
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
    """Start the service as a process on a free port; yield a client once it listens; end it."""
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
    """The real service with the shipped model, ready."""
    with ready(tmp_path_factory.mktemp("service"), COMPOSED) as client:
        yield client


@pytest.fixture(scope="session")
def stock_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The framework's application alone, with the same configuration, ready."""
    with ready(tmp_path_factory.mktemp("stock"), STOCK) as client:
        yield client
