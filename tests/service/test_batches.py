"""Single predictions and probes continue while batches fill their queue and more are refused."""

import json
import threading
import time
from collections import Counter
from typing import Any

import httpx

from benchmarks.load import PREDICTION, PROBES
from tests.conftest import until
from tests.test_service import BATCH

LOANS = 1_000


def rate(service: httpx.Client, loan: dict[str, Any], seconds: float) -> float:
    """Return how many single predictions on one connection, none of them refused, are answered in a second."""
    count, end = 0, time.monotonic() + seconds
    with httpx.Client(base_url=service.base_url, timeout=60) as client:
        while time.monotonic() < end:
            assert client.post(PREDICTION, json=loan).status_code == 200
            count += 1
    return count / seconds


def test_batches_starve_neither_predictions_nor_probes(service: httpx.Client, loan: dict[str, Any]) -> None:
    body = json.dumps({"loans": [loan] * LOANS})
    statuses: Counter[int] = Counter()
    ending = threading.Event()

    def flood() -> None:
        with httpx.Client(base_url=service.base_url, timeout=60) as client:
            while not ending.is_set():
                answer = client.post(BATCH, content=body, headers={"content-type": "application/json"})
                statuses[answer.status_code] += 1

    alone = rate(service, loan, 2)
    flooding = [threading.Thread(target=flood) for _ in range(8)]  # one runs, four wait, the others are refused
    for thread in flooding:
        thread.start()
    try:
        until(lambda: statuses[503] > 0 and statuses[200] > 0, "batches are answered, and refused")
        with_batches = rate(service, loan, 4)
        probes = [service.get(path).status_code for _ in range(10) for path in PROBES]
    finally:
        ending.set()
        for thread in flooding:
            thread.join()

    print(f"\n{alone:.0f} predictions/s alone, {with_batches:.0f} next to batches: {dict(statuses)}")
    assert probes == [200] * len(probes)
    assert set(statuses) == {200, 503}
    assert with_batches >= alone / 50, "single predictions starve"
