"""What the probes do while a model holds the interpreter's lock, as docs/your-model.md says."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import until
from tests.deployment.kubelet import LIVENESS
from tests.deployment.test_probes import FAST, PATIENT, pod, url
from tests.service.process import PREDICTION, ready

HOLDING = "tests.service.difficult_models.Holding"


def holding(folder: Path) -> dict[str, Any]:
    return {"class_path": HOLDING, "configuration": {"notes": str(folder / "notes")}}


def hold(address: str) -> None:
    with suppress(httpx.TransportError):  # the process is killed meanwhile
        httpx.post(address, json={"number": 300}, timeout=300)


def test_no_probe_is_answered_before_the_lock_is_free(tmp_path: Path) -> None:
    with ready(tmp_path, holding(tmp_path)) as service:
        predicting = threading.Thread(target=service.predict, args=[3])
        predicting.start()
        times = []
        while predicting.is_alive():
            sent = time.monotonic()
            assert service.client.get("/api/health").status_code == 200
            times.append((sent, time.monotonic()))

    _, end = map(float, (tmp_path / "notes").read_text().split())
    assert [sent for sent, answered in times if sent < end - 1 < end <= answered]
    assert "has run for more than" not in service.log_path.read_text()


def test_a_container_whose_lock_is_held_is_killed_and_replaced(tmp_path: Path) -> None:
    spec = {**PATIENT, "containers": [dict(PATIENT["containers"][0])]}
    spec["containers"][0][LIVENESS] = spec["containers"][0][LIVENESS] | {
        "timeoutSeconds": 1,
        "terminationGracePeriodSeconds": 1,
    }

    with pod(tmp_path, holding(tmp_path), spec) as kubelet:
        until(lambda: kubelet.ready, "ready")
        kubelet.pace = FAST
        predicting = threading.Thread(target=hold, args=[url(kubelet, PREDICTION)])
        predicting.start()
        until(lambda: kubelet.restarts == 1 and kubelet.ready, "replaced")
        predicting.join()

    assert kubelet.exit_codes[0] == -9, "SIGTERM was not handled"
