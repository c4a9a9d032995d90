"""Rehearses a deployment with two pods of the image: they start, get load, and are replaced under load.

The small kubelet runs the containers. `make rehearse` records the results.
"""

import http.client
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from benchmarks import results
from benchmarks.load import BODY, PREDICTION, Address, in_process, load, rates
from benchmarks.measure import CORES, CREATION_SECONDS
from tests.conftest import CONFIGURATION, until
from tests.deployment.containers import RESTRICTED, created
from tests.deployment.kubelet import Kubelet
from tests.deployment.manifests import DEPLOYMENT, ENVIRONMENT, POD

REPLICAS = DEPLOYMENT["replicas"]
LOAD_SECONDS = float(os.environ.get("LOAD_SECONDS", "300"))
CONNECTIONS = 128
CLIENTS, RATE = 8, 50  # requests/s of all clients together
LAG_SECONDS = 1  # until the nodes know that a pod is ready, or is not
DELETIONS = int(os.environ.get("DELETIONS", "10"))


@contextmanager
def running(cores: float | None = None, *options: str) -> Iterator[Kubelet]:
    """Start a pod."""
    limits = ["--memory=500m", *([] if cores is None else [f"--cpus={cores}"])]
    environment = (f"--env={name}={value}" for name, value in ENVIRONMENT.items())
    with created(*RESTRICTED, *limits, *environment, *options) as container, Kubelet(POD, container) as pod:
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
        **rates(answers, LOAD_SECONDS),
        "restarts": sum(pod.restarts for pod in pods),
        "always ready": always_ready,
    }


class Clients:
    """Clients that request predictions at a steady rate from the pods of a Service, and learn of each change late.

    As kube-proxy does, the Service uses the pods that are ready, or else terminating pods that are still ready.
    """

    def __init__(self, lag_seconds: float, keep_alive: bool) -> None:
        self.pods: list[Kubelet] = []
        self.answers: Counter[str] = Counter()
        self._lag_seconds = lag_seconds
        self._keep_alive = keep_alive
        self._known: list[Address] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        self._following = threading.Thread(target=self._follow)

    def __enter__(self) -> "Clients":
        self._following.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._following.join()
        for thread in self._threads:
            with suppress(RuntimeError):  # the thread was not started
                thread.join()

    def begin(self) -> None:
        until(lambda: len(self._known) == len(self.pods), "known")
        for thread in self._threads:
            thread.start()

    def counts(self) -> dict[str, Any]:
        """Return how many requests were sent and lost, and what was answered instead of 200."""
        instead = {what: count for what, count in self.answers.items() if what != "200"}
        return {"requests": self.answers.total(), "lost": sum(instead.values()), "instead": instead}

    def _follow(self) -> None:
        changes: deque[tuple[float, list[Address]]] = deque()
        while not self._over.wait(0.05):
            ready = [pod for pod in self.pods if pod.ready]
            used = [pod for pod in ready if not pod.terminating] or ready
            changes.append((time.monotonic(), [address for pod in used if (address := pod.address())]))
            while changes[0][0] + self._lag_seconds <= time.monotonic() and len(changes) > 1:
                self._known = changes.popleft()[1]

    def _ask(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._over.wait(random.uniform(0, 2 * CLIENTS / RATE)):
            if connection is None and not self._known:
                self.answers["no pod"] += 1
                continue
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
        clients.pods += pods
        clients.begin()
        deleting = []
        for position in 2 * list(range(REPLICAS)):  # the update and the rollback
            new = stack.enter_context(running())
            clients.pods.append(new)
            until(lambda new=new: new.ready, "ready")  # type: ignore[misc]  # called at once
            deleting.append(_delete(pods[position]))
            pods[position] = new
        broken = stack.enter_context(running(None, _refused_artifact(stack)))
        clients.pods.append(broken)
        until(lambda: broken.restarts, "restarted")
        assert not broken.ready
        broken.delete()
        for thread in deleting:
            thread.join()
    return {"seconds late": lag_seconds, "connections": "kept" if keep_alive else "new for each"} | clients.counts()


def deleted(cores: float | None) -> dict[str, Any]:
    """Delete all pods at the same time under load; return what the clients were answered."""
    with ExitStack() as stack, Clients(LAG_SECONDS, keep_alive=False) as clients:
        pods, _ = start(stack, cores)
        clients.pods += pods
        clients.begin()
        begin = time.monotonic()
        deleting = [_delete(pod) for pod in pods]
        time.sleep(CREATION_SECONDS)
        new = [stack.enter_context(running(cores)) for _ in range(REPLICAS)]
        clients.pods += new
        until(lambda: all(pod.ready for pod in new), "ready")
        seconds = round(time.monotonic() - begin, 1)
        for thread in deleting:
            thread.join()
    return {"seconds until others are ready": seconds} | clients.counts()


def hung(cores: float | None) -> dict[str, Any]:
    """Stop a process with SIGSTOP under load; return when the kubelet acts, and what the clients were answered."""
    with ExitStack() as stack, Clients(LAG_SECONDS, keep_alive=False) as clients:
        pods, _ = start(stack, cores)
        clients.pods += pods
        clients.begin()
        pod = pods[0]
        begin = time.monotonic()
        pod.container.signal(signal.SIGSTOP)
        seconds = {}
        for what, happens in {
            "out of service": lambda: not pod.ready,
            "restarted": lambda: pod.restarts,
            "ready again": lambda: pod.ready,
        }.items():
            until(happens, what)
            seconds[what] = round(time.monotonic() - begin, 1)
    return {"seconds until": seconds} | clients.counts()


def _delete(pod: Kubelet) -> threading.Thread:
    thread = threading.Thread(target=pod.delete)
    thread.start()
    return thread


def _refused_artifact(stack: ExitStack) -> str:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder.chmod(0o755)
    configuration = yaml.safe_load(CONFIGURATION.read_text())
    configuration["models"][0]["configuration"] = {"artifact_sha256": "0" * 64}
    (folder / CONFIGURATION.name).write_text(yaml.safe_dump(configuration))
    return f"--volume={folder}:/service/configuration:ro"


def main() -> None:
    """Rehearse, print and record; exit with 1 if a pod started late, restarted, was not ready or lost a request.

    Requests to a process that hangs are lost, and do not count.
    """
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
    result["deletions"], result["hung"] = {}, {}
    for name, cores in CORES.items():
        print(f"a hung process, then both pods deleted at once, {DELETIONS} times, {name} ...", file=sys.stderr)
        result["hung"][name] = hung(cores)
        result["deletions"][name] = [deleted(cores) for _ in range(DELETIONS)]
    results.write("rehearsal", result)
    print(json.dumps(result, indent=1))
    load = result["load"]
    disturbed = load["lost"] or load["restarts"] or not load["always ready"]
    exchanged = result["replacements"] + [each for runs in result["deletions"].values() for each in runs]
    ready = result["seconds until all are ready"]
    late = ready["no limit"] > 6 or ready["200m"] > 14
    if late or disturbed or any(each["lost"] for each in exchanged):
        sys.exit(1)


if __name__ == "__main__":
    main()
