"""Rehearses a deployment with two pods of the image: they start, get load, and are replaced under load.

The small kubelet runs the containers. `make rehearse` records the results.
"""

import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from benchmarks import results
from benchmarks.load import BODY, PREDICTION, in_process, load
from benchmarks.measure import CORES
from tests.conftest import CONFIGURATION, until
from tests.deployment.containers import RESTRICTED, created
from tests.deployment.kubelet import Kubelet
from tests.deployment.manifests import DEPLOYMENT, POD

REPLICAS = DEPLOYMENT["replicas"]
LOAD_SECONDS = float(os.environ.get("LOAD_SECONDS", "300"))
CONNECTIONS = 128
CLIENTS, RATE = 8, 50  # requests/s of all clients together


@contextmanager
def running(cores: float | None = None, *options: str) -> Iterator[Kubelet]:
    """Start a pod."""
    limits = ["--memory=500m", *([] if cores is None else [f"--cpus={cores}"])]
    with created(*RESTRICTED, *limits, *options) as container, Kubelet(POD, container) as pod:
        yield pod


def start(stack: ExitStack, cores: float | None) -> tuple[list[Kubelet], float]:
    """Start all replicas at the same time; return them, and the seconds until all are ready."""
    begin = time.monotonic()
    pods = [stack.enter_context(running(cores)) for _ in range(REPLICAS)]
    until(lambda: all(pod.ready for pod in pods), "ready")
    return pods, round(time.monotonic() - begin, 1)


def loaded(pods: list[Kubelet]) -> dict[str, Any]:
    """Load the pods; return the rates, the lost requests, and whether a pod restarted or was not ready."""
    end = time.time() + LOAD_SECONDS
    loads = [in_process(load, pod.address(), end, CONNECTIONS // REPLICAS) for pod in pods]
    always_ready = True
    while time.time() < end:
        always_ready = always_ready and all(pod.ready for pod in pods)
        time.sleep(0.05)
    answers: Counter[int] = sum((result() for result in loads), Counter())
    return {
        "seconds": LOAD_SECONDS,
        "connections": CONNECTIONS,
        "predictions per second": round(answers[200] / LOAD_SECONDS),
        "refused per second": round(answers[503] / LOAD_SECONDS),
        "lost": answers.total() - answers[200] - answers[503],
        "restarts": sum(pod.restarts for pod in pods),
        "always ready": always_ready,
    }


class Clients:
    """Clients that request predictions at a steady rate from the known pods, and learn of each change late."""

    def __init__(self, lag_seconds: float, keep_alive: bool) -> None:
        self.answers: Counter[str] = Counter()
        self._lag_seconds = lag_seconds
        self._keep_alive = keep_alive
        self._known: list[tuple[str, int]] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> "Clients":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            with suppress(RuntimeError):  # the thread was not started
                thread.join()

    def begin(self, replicas: int) -> None:
        until(lambda: len(self._known) == replicas, "known")
        for thread in self._threads:
            thread.start()

    def learn(self, address: tuple[str, int]) -> None:
        threading.Timer(self._lag_seconds, self._known.append, [address]).start()

    def forget(self, address: tuple[str, int]) -> None:
        threading.Timer(self._lag_seconds, self._known.remove, [address]).start()

    def _ask(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._over.wait(random.uniform(0, 2 * CLIENTS / RATE)):
            connection = connection or http.client.HTTPConnection(*random.choice(self._known), timeout=10)
            try:
                connection.request("POST", PREDICTION, BODY, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                self.answers[str(answer.status)] += 1
                closes = answer.will_close
            except (OSError, http.client.HTTPException) as error:
                self.answers[repr(error)] += 1
                closes = True
            if closes or not self._keep_alive:
                connection.close()
                connection = None


def replaced(lag_seconds: float, keep_alive: bool) -> dict[str, Any]:
    """Replace the pods under load: an update, a rollback, and a rollout whose artifact is refused.

    Return what the clients were answered. They learn of each change after `lag_seconds`.
    """
    with ExitStack() as stack, Clients(lag_seconds, keep_alive) as clients:
        pods, _ = start(stack, None)
        addresses = [pod.address() or ("", 0) for pod in pods]
        for address in addresses:
            clients.learn(address)
        clients.begin(REPLICAS)
        deleting = []
        for position in 2 * list(range(REPLICAS)):  # the update and the rollback
            new = stack.enter_context(running())
            until(lambda new=new: new.ready, "ready")  # type: ignore[misc]  # called at once
            clients.learn(new.address() or ("", 0))
            clients.forget(addresses[position])
            deleting.append(threading.Thread(target=pods[position].delete))
            deleting[-1].start()
            pods[position], addresses[position] = new, new.address() or ("", 0)
        broken = stack.enter_context(running(None, _refused_artifact(stack)))
        until(lambda: broken.restarts, "restarted")
        assert not broken.ready
        broken.delete()
        for thread in deleting:
            thread.join()
    total, answered = clients.answers.total(), clients.answers["200"]
    return {
        "seconds late": lag_seconds,
        "connections": "kept" if keep_alive else "new for each",
        "requests": total,
        "lost": total - answered,
        "instead": {what: count for what, count in clients.answers.items() if what != "200"},
    }


def _refused_artifact(stack: ExitStack) -> str:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder.chmod(0o755)
    configuration = yaml.safe_load(CONFIGURATION.read_text())
    configuration["models"][0]["configuration"] = {"artifact_sha256": "0" * 64}
    (folder / CONFIGURATION.name).write_text(yaml.safe_dump(configuration))
    return f"--volume={folder}:/service/configuration:ro"


def main() -> None:
    """Rehearse, print and record; exit with 1 if a request was lost, or if a pod restarted or was not ready."""
    result: dict[str, Any] = {"seconds until all are ready": {}}
    for name, cores in CORES.items():
        with ExitStack() as stack:
            print(f"{REPLICAS} pods, {name} ...", file=sys.stderr)
            pods, seconds = start(stack, cores)
            result["seconds until all are ready"][name] = seconds
            if cores is not None:
                print(f"{CONNECTIONS} connections for {LOAD_SECONDS:.0f} s ...", file=sys.stderr)
                result["load"] = loaded(pods)
    print("an update, a rollback and a broken rollout, twice ...", file=sys.stderr)
    result["replacements"] = [replaced(2, keep_alive=False), replaced(6, keep_alive=True)]
    results.write("rehearsal", result)
    print(json.dumps(result, indent=1))
    load = result["load"]
    disturbed = load["lost"] or load["restarts"] or not load["always ready"]
    if disturbed or any(each["lost"] for each in result["replacements"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
