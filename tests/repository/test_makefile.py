"""The Makefile works on a new machine, and ends with one clear sentence when something is missing."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT, until

MAKEFILE = (ROOT / "Makefile").read_text()
_RULES = re.sub(r"^define.*?^endef$", "", MAKEFILE, flags=re.MULTILINE | re.DOTALL)
TARGETS = re.findall(r"^([a-z][a-z0-9-]*):", _RULES, re.MULTILINE)


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # As from a terminal: the tests themselves run under make, which tells its children so.
    ours = ("DATA", "SOURCE", "PYTHON", "MFLAGS")
    inherited = {n: v for n, v in os.environ.items() if "MAKE" not in n and "KAGGLE" not in n and n not in ours}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=inherited | environment, capture_output=True, text=True, check=False
    )


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a failed make said, without make's own line that closes it."""
    assert done.returncode != 0, done.stdout
    said = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    return said[-1]


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_phony_and_described(target: str) -> None:
    assert f".PHONY: {target}\n" in MAKEFILE
    assert re.search(rf"^{target}:.* ## \S", MAKEFILE, re.MULTILINE)


def test_make_alone_shows_the_targets() -> None:
    shown = make().stdout

    assert [line.split()[0] for line in shown.splitlines()] == TARGETS
    assert {"serve", "train", "data", "test", "check", "contract", "lock", "clean", "help"} <= set(TARGETS)


@pytest.mark.parametrize("target", ["search", "notebook", "scoring-benchmark"])
def test_a_target_that_needs_real_loans_ends_in_one_sentence_without_them(target: str) -> None:
    assert "DATA=loan.csv" in last_words(make(target))


def test_a_busy_port_ends_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        done = make("serve", f"PORT={port}")

    assert last_words(done).startswith(f"Cannot listen on 127.0.0.1:{port}: Address already in use.")
    assert "make serve PORT=8001" in last_words(done)
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("eighty", "argument --port: invalid int value: 'eighty'"),
        ("80'01", """argument --port: invalid int value: "80'01\""""),
        ("99999", "Cannot listen on 127.0.0.1:99999: "),
    ],
)
def test_an_invalid_port_is_named(port: str, words: str) -> None:
    done = make("serve", f"PORT={port}")

    assert words in last_words(done)
    assert "PORT=8001" not in done.stderr, "another port does not help"


def test_an_invalid_host_ends_in_one_sentence() -> None:
    done = make("serve", "HOST=no such 'host'", "PORT=0")

    assert last_words(done).startswith("Cannot listen on no such 'host':0: ")
    assert "PORT=8001" not in done.stderr, "another port does not help"


@pytest.mark.parametrize("target", ["check-configuration", "contract", "serve"])
def test_the_name_of_a_configuration_is_not_run_as_a_command(target: str) -> None:
    done = make(target, "CONFIGURATION=no such; 'echo' run.yaml", "PORT=0")

    assert "no such; 'echo' run.yaml" in last_words(done)
    assert "not found" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_tests(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    with log.open("w") as output:
        testing = subprocess.Popen(
            ["make", "test", "ARGS=-v tests/scoring/test_command.py"],
            cwd=ROOT, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    until(lambda: "PASSED" in log.read_text(), "a test has run")
    os.killpg(testing.pid, number)

    assert testing.wait(60) != 0
    assert "KeyboardInterrupt" in log.read_text()


def test_a_missing_configuration_ends_in_one_sentence() -> None:
    assert "nowhere.yaml" in last_words(make("serve", "PORT=0", "CONFIGURATION=nowhere.yaml"))


def test_make_serve_starts_the_service(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as output:
        serving = subprocess.Popen(
            ["make", "serve", "PORT=0"], cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        until(lambda: "running on http" in log.read_text() or serving.poll() is not None, "listening")
        found = re.search(r"running on (http://\S+)", log.read_text())
        assert found, log.read_text()
        until(lambda: httpx.get(f"{found[1]}/api/health/ready").status_code == 200, "ready")
    finally:
        os.killpg(serving.pid, signal.SIGINT)
        serving.wait(timeout=20)


def test_the_tests_do_not_send_requests_to_a_proxy() -> None:
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    test = "tests/test_service.py::test_a_loan_is_safe_or_risky[composed]"

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", test], cwd=ROOT, capture_output=True, text=True, check=False,
        env=environment | {"http_proxy": "http://127.0.0.1:9"},  # where nothing listens
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def test_without_an_engine_the_tests_of_the_image_are_skipped_in_one_sentence() -> None:
    done = make("test-image", "DOCKER=false")

    assert done.returncode == 0
    assert done.stdout.startswith("SKIPPED: no container engine answers ('false info' fails)")


def test_a_download_without_an_account_ends_in_one_sentence(tmp_path: Path) -> None:
    done = make("data", HOME=str(tmp_path))

    assert last_words(done).startswith("No Kaggle account is set up")


def test_data_in_the_environment_is_ignored() -> None:
    done = make("train", "DATA=no such 'file'.csv", DATA="ignored.csv")

    assert last_words(done).startswith("error: Cannot read \"no such 'file'.csv\"")
