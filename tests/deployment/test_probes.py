"""The small kubelet runs the probes of the Deployment against the real process while it fails in different ways."""

import copy
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from credit_risk_model.service.settings import Settings
from tests.conftest import until
from tests.deployment.kubelet import LIVENESS, READINESS, STARTUP, Kubelet, Process, probed
from tests.deployment.manifests import CONTAINER, ENVIRONMENT, POD
from tests.service.process import PREDICTION, write_configuration

PACE = 0.2  # while the process starts
FAST = 0.05  # after that


def with_probe(kind: str, **fields: Any) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(POD)
    changed["containers"][0][kind] |= fields
    return changed


# The time to start is a number of probes. Here, the probes run faster than a busy machine starts a process.
PATIENT = with_probe(STARTUP, failureThreshold=10_000)


@contextmanager
def pod(folder: Path, model: dict[str, Any], spec: dict[str, Any] = PATIENT) -> Iterator[Kubelet]:
    with Kubelet(spec, Process(write_configuration(folder, model)), PACE) as kubelet:
        yield kubelet


def url(kubelet: Kubelet, path: str) -> str:
    host, port = kubelet.address() or ("", 0)
    return f"http://{host}:{port}{path}"


def predict(kubelet: Kubelet) -> httpx.Response:
    return httpx.post(url(kubelet, PREDICTION), json={"number": 7}, timeout=60)


def test_a_model_that_loads_slowly_is_not_restarted(tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    with pod(tmp_path, {"configuration": {"loads_with": str(gate)}}) as kubelet:
        until(kubelet.address, "listening")
        until(probed(kubelet, STARTUP, 20), "probed while it loads")
        assert not kubelet.started
        assert kubelet.asked[LIVENESS] == kubelet.asked[READINESS] == 0
        gate.touch()
        until(lambda: kubelet.ready, "ready")

        assert kubelet.restarts == 0


def test_a_load_that_takes_longer_than_the_startup_probe_allows_is_restarted(tmp_path: Path) -> None:
    endless = {"configuration": {"loads_with": str(tmp_path / "gate")}}

    with pod(tmp_path, endless, with_probe(STARTUP, failureThreshold=2)) as kubelet:
        until(lambda: kubelet.restarts == 2, "restarted again and again")

        assert kubelet.asked[LIVENESS] == 0


def test_a_failed_load_is_restarted_and_never_in_service(tmp_path: Path) -> None:
    seen_ready = False

    with pod(tmp_path, {"configuration": {"error": "the disk is gone"}}) as kubelet:
        until(lambda: kubelet.started, "the load has ended")
        kubelet.pace = FAST
        while kubelet.restarts < 1:
            seen_ready |= kubelet.ready
            time.sleep(0.01)

        assert not seen_ready
        assert kubelet.asked[LIVENESS] == CONTAINER[LIVENESS]["failureThreshold"]
        assert kubelet.exit_codes == [1], "it ends on SIGTERM with the exit code of a failure"


def test_a_stalled_model_is_taken_out_of_service_and_restarted(tmp_path: Path) -> None:
    limits = {"stall_seconds": 0.2, "answer_seconds": 0.5}
    stuck = {"configuration": {"predicts_with": str(tmp_path / "gate")}, "service": limits}

    with pod(tmp_path, stuck) as kubelet:
        until(lambda: kubelet.ready, "ready")
        kubelet.pace = FAST
        assert predict(kubelet).status_code == 503
        until(lambda: not kubelet.ready, "out of service")
        until(lambda: kubelet.restarts == 1, "restarted")
        until(lambda: kubelet.ready, "ready again")

        assert kubelet.exit_codes == [1]


def test_a_busy_model_stays_in_service(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    busy = {"configuration": {"predicts_with": str(gate)}, "service": {"running": 1, "waiting": 7}}

    with pod(tmp_path, busy) as kubelet:
        until(lambda: kubelet.ready, "ready")
        answers: list[int] = []
        asking = [threading.Thread(target=lambda: answers.append(predict(kubelet).status_code)) for _ in range(8)]
        for thread in asking:
            thread.start()
        waiting = 'model_predictions_waiting{model="echo"} 7.0'
        until(lambda: waiting in httpx.get(url(kubelet, "/metrics")).text, "all places are taken")
        assert predict(kubelet).status_code == 503
        kubelet.pace = FAST
        until(probed(kubelet, LIVENESS, CONTAINER[LIVENESS]["failureThreshold"] + 1), "probed while it is busy")
        assert kubelet.ready
        assert kubelet.restarts == 0
        gate.touch()
        for thread in asking:
            thread.join()

    assert answers == [200] * 8


def test_a_crashed_container_is_restarted(tmp_path: Path) -> None:
    with pod(tmp_path, {}) as kubelet:
        until(lambda: kubelet.ready, "ready")
        kubelet.container.signal(signal.SIGKILL)
        until(lambda: kubelet.restarts == 1, "restarted")
        until(lambda: kubelet.ready, "ready again")

        assert kubelet.exit_codes == [-9]


def test_a_hung_process_is_taken_out_of_service_and_replaced_long_before_the_grace_period_ends(tmp_path: Path) -> None:
    patient = PATIENT | {"terminationGracePeriodSeconds": 3600}

    with pod(tmp_path, {}, patient) as kubelet:
        until(lambda: kubelet.ready, "ready")
        kubelet.pace = FAST
        kubelet.container.signal(signal.SIGSTOP)
        until(lambda: not kubelet.ready, "out of service")
        assert kubelet.restarts == 0
        until(lambda: kubelet.restarts == 1, "restarted")
        until(lambda: kubelet.ready, "ready again")

        assert kubelet.exit_codes == [-signal.SIGKILL]


def test_a_deleted_pod_stays_ready_and_then_drains_without_losing_a_request(tmp_path: Path) -> None:
    """The nodes may learn as late as the listener closes that the pod ends."""
    ready_seconds = float(ENVIRONMENT["REST_STAY_READY_SECONDS"])

    with Kubelet(POD, Process(write_configuration(tmp_path, {}))) as kubelet:
        until(lambda: kubelet.ready, "ready")
        deleting = threading.Thread(target=kubelet.delete)
        start = time.monotonic()
        deleting.start()
        statuses, was_ready = set(), 0.0
        while time.monotonic() < start + ready_seconds + Settings().drain_seconds - 0.5:
            statuses.add(predict(kubelet).status_code)
            if kubelet.ready:
                was_ready = time.monotonic() - start

        assert statuses == {200}
        assert was_ready >= ready_seconds
        assert not kubelet.ready, "readiness fails before the listener closes"
        deleting.join()
        assert kubelet.exit_codes == [0]
