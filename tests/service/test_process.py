"""The service as a process: its start, its signals, its end, and what it leaves behind when it crashes."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from benchmarks.load import PROBES
from tests.conftest import ROOT, until
from tests.service import process
from tests.service.process import PREDICTION
from tests.service.test_draining import Load

MODELS = "tests.service.difficult_models"


@contextmanager
def hangup(handler: signal.Handlers) -> Iterator[None]:
    """Handle SIGHUP like this; a process that is started meanwhile inherits it."""
    before = signal.signal(signal.SIGHUP, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_busy_port_ends_the_process_before_a_model_is_loaded(tmp_path: Path) -> None:
    arguments = {"gate": str(tmp_path / "gate"), "notes": str(tmp_path / "notes")}
    model = {"class_path": f"{MODELS}.Sticky", "configuration": arguments}
    configuration = process.write_configuration(tmp_path, model)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [*process.COMMAND, "--port", str(port)],
            cwd=ROOT,
            env=os.environ | {"REST_CONFIG": str(configuration)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"Cannot listen on 127.0.0.1:{port}: Address already in use.")
    assert not (tmp_path / "notes").exists(), "a model was made"


def test_a_hangup_drains_and_loses_nothing(tmp_path: Path) -> None:
    with hangup(signal.SIG_DFL), process.ready(tmp_path, service={"drain_seconds": 0.5}) as service:
        load = Load(service, clients=16, keep_alive=True)
        until(lambda: load.answered > 200, "the load runs")

        service.signal(signal.SIGHUP)
        load.join()

        assert service.process.wait(timeout=30) == 0
        assert load.lost == []
        assert "SIGHUP: draining for 0.5 s." in service.log


def test_a_hangup_is_ignored_under_nohup(tmp_path: Path) -> None:
    with hangup(signal.SIG_IGN), process.ready(tmp_path) as service:  # as nohup does
        service.signal(signal.SIGHUP)
        service.signal(signal.SIGTERM)

        assert service.process.wait(timeout=30) == 0
        assert "SIGHUP" not in service.log
        assert "SIGTERM: draining" in service.log


def test_a_failed_load_is_the_last_line_and_exits_with_1(tmp_path: Path) -> None:
    with process.load_failed(tmp_path) as service:
        # The line comes after the state.
        until(
            lambda: "Load failed: tests.service.models.Echo." in service.log_path.read_text().splitlines()[-1],
            "the last line",
        )
        service.signal()

        assert service.process.wait(timeout=30) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_load_that_was_stopped_is_not_a_failure(tmp_path: Path, number: signal.Signals) -> None:
    with process.loading(tmp_path) as service:
        service.signal(number)

        assert service.process.wait(timeout=30) == 0


def test_a_crash_in_native_code_leaves_a_stack(tmp_path: Path) -> None:
    with process.ready(tmp_path, {"class_path": f"{MODELS}.Crashing"}) as service:
        with pytest.raises(httpx.RemoteProtocolError):
            service.predict()

        assert service.process.wait(timeout=30) == -signal.SIGSEGV
        assert "Fatal Python error: Segmentation fault" in service.log
        assert re.search(r'difficult_models\.py", line \d+ in predict', service.log)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux shows which signals are handled")
def test_a_signal_during_the_imports_ends_the_process(tmp_path: Path) -> None:
    configuration = tmp_path / "configuration.yaml"
    os.mkfifo(configuration)  # a reader waits for a writer, so the service never listens
    with subprocess.Popen(
        process.COMMAND, cwd=ROOT, env=os.environ | {"REST_CONFIG": str(configuration)}, stderr=subprocess.PIPE
    ) as started:
        until(lambda: handles(started.pid, signal.SIGTERM), "it handles the signal")
        started.terminate()

        assert started.wait(timeout=30) == 128 + signal.SIGTERM


def handles(pid: int, number: signal.Signals) -> bool:
    [line] = re.findall(r"^SigCgt:\s*([0-9a-f]+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(line, 16) >> (number - 1) & 1)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_a_star_listens_on_ipv4_and_ipv6(tmp_path: Path) -> None:
    configuration = process.write_configuration(tmp_path)
    with process.running(tmp_path, configuration, arguments=["--host", "*"]) as service:
        port = service.address[1]
        for host in ("127.0.0.1", "[::1]", "localhost"):
            assert httpx.get(f"http://{host}:{port}{PROBES[0]}").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "localhost"])
def test_the_address_in_the_log_can_be_asked(tmp_path: Path, host: str) -> None:
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    configuration = process.write_configuration(tmp_path)
    with process.running(tmp_path, configuration, arguments=["--host", host]) as service:
        assert service.client.get(PROBES[0]).status_code == 200


def test_a_model_that_fails_its_check_is_never_ready(tmp_path: Path) -> None:
    model = {"class_path": f"{MODELS}.Checked", "configuration": {"expected": 2}}
    with process.starting(tmp_path, model) as service:
        until(lambda: service.statuses() == (503, 503, 200), "the load has failed")

        assert "RuntimeError: expected 2, found 1" in service.log
        assert service.predict().json()["type"] == "LoadFailed"
        assert "Loaded echo" not in service.log


def test_the_digest_of_what_is_served_is_shown(tmp_path: Path) -> None:
    digest = "0123456789abcdef" * 4
    with process.ready(tmp_path, {"class_path": f"{MODELS}.Checked"}, service={"log_format": "json"}) as service:
        lines = [json.loads(line)["message"] for line in service.log.splitlines()]

        assert any(line.startswith("Loaded echo 1.2.3, artifact 0123456789ab, in ") for line in lines)
        assert service.metric(f'model_info{{digest="{digest}",model="echo",version="1.2.3"}}') == 1
        assert service.client.get("/api/models/echo/metadata").json()["artifact_digest"] == digest
        schema = service.client.get("/openapi.json").json()["components"]["schemas"]["ModelMetadata"]
        assert "artifact_digest" in schema["properties"]
        assert service.client.post(PREDICTION, json={"number": 1}).status_code == 200
