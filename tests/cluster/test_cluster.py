"""The run against a cluster, as far as it can be tested without one: a simulated cluster, and a recorded kubectl."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from benchmarks import results
from docs.tables import operations
from tests.cluster import __main__ as run
from tests.cluster.cluster import CLIENT_PROGRAM, Cluster, E2EError, Load, client, manifests
from tests.cluster.report import Row, merged, record, table
from tests.conftest import ROOT
from tests.service import process
from tests.service.process import PREDICTION, Service

NAMESPACE = "somewhere"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with process.ready(tmp_path) as ready:
        yield ready


class Simulation(Cluster):
    """Keeps pods as a Deployment, a PodDisruptionBudget and a kubelet do; time passes with each look at the pods."""

    def __init__(self, service: Service) -> None:
        super().__init__("kind-simulated", NAMESPACE)
        self.commands: list[tuple[str, ...]] = []
        self._service = service
        self._pods: list[dict[str, Any]] = []
        self._number = 0
        self._replicas = 2
        self._is_broken = False  # the artifact of new pods is refused

    def load(self, clients: int = 8, rate: int = 50) -> Load:
        host, port = self._service.address
        settings = {"host": f"{host}:{port}", "path": PREDICTION, "body": '{"number": 7}', "clients": 2, "rate": rate}
        return Load([sys.executable, "-u", "-c", CLIENT_PROGRAM, json.dumps(settings)])

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        self.commands.append(arguments)
        match arguments:
            case ("get", "pods", *_):
                self._step()
                return json.dumps({"items": [_as_manifest(pod) for pod in self._pods]})
            case ("set", "env", _, variable):
                self._is_broken = variable.startswith("CREDIT_RISK_ARTIFACT_SHA256=")
                self._replace()
            case ("rollout", "undo", _):
                self._pods = [pod for pod in self._pods if not pod["broken"]]
                was_broken, self._is_broken = self._is_broken, False
                if not was_broken:
                    self._replace()
            case ("patch", *_):
                self._replace()
            case ("delete", "pod", _, *names):
                self._end(*names)
            case ("create", "--raw", path, *_):
                self._step()
                if sum(pod["ready"] and not pod["ends"] for pod in self._pods) < self._replicas:
                    raise E2EError("Cannot evict pod as it would violate the pod's disruption budget.")
                self._end(path.split("/")[-2])
            case ("exec", name, *_):
                [pod] = [pod for pod in self._pods if pod["name"] == name]
                pod |= {"ready": False, "faults": 2}
                if "signal.SIGKILL" in arguments[-1]:
                    raise E2EError("command terminated with exit code 137")
            case ("scale", _, replicas):
                self._replicas = int(replicas.partition("=")[2])
                self._end(*(pod["name"] for pod in self._pods[self._replicas :]))
            case ("get", "events", *_) | ("apply", *_) | ("wait", *_) | ("rollout", "status", *_):
                pass
            case _:
                raise AssertionError(arguments)
        return ""

    def _replace(self) -> None:
        if self._is_broken:
            self._start()
        else:
            self._end(*(pod["name"] for pod in self._pods))

    def _start(self) -> None:
        self._number += 1
        name = f"pod-{self._number}"
        self._pods.append(
            {"name": name, "ready": False, "restarts": 0, "ends": 0, "faults": 0, "broken": self._is_broken}
        )

    def start_a_pod_that_works(self) -> None:
        self._is_broken = False
        self._start()

    def _end(self, *names: str) -> None:
        for pod in self._pods:
            if pod["name"] in names:
                pod["ends"] = 3

    def _step(self) -> None:
        """Let pods become ready, restart and end; start those that are missing."""
        self._pods = [pod for pod in self._pods if pod["ends"] != 1]
        for pod in self._pods:
            pod["ends"] = max(pod["ends"] - 1, 0)
            if pod["broken"]:
                pod["restarts"] += 1
            elif pod["faults"]:
                pod["faults"] -= 1
                pod["restarts"] += not pod["faults"]
            else:
                pod["ready"] = True
        for _ in range(self._replicas - sum(not pod["ends"] for pod in self._pods if not pod["broken"])):
            self._start()


def _as_manifest(pod: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": pod["name"], "creationTimestamp": pod["name"].zfill(9)}
        | ({"deletionTimestamp": "now"} if pod["ends"] else {}),
        "status": {
            "conditions": [{"type": "Ready", "status": str(pod["ready"])}],
            "containerStatuses": [{"restartCount": pod["restarts"]}],
        },
    }


def test_all_scenarios_end_and_hold(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "OVERLOAD_SECONDS", 1)
    cluster = Simulation(service)

    rows = run.run(cluster, deletions=2)

    assert len(rows) == len(run.SCENARIOS) + 1
    assert len(merged(rows)) == len(run.SCENARIOS)
    assert [row.name for row in rows if not row.holds] == []
    assert [row.restarts for row in rows if row.is_fault] == [1, 1]
    assert all(row.requests for row in rows[1:-1])
    assert "FAILED" not in table(rows)


def test_a_lost_request_and_a_restart_are_failures() -> None:
    assert Row("update", [1.0], requests=5).holds
    assert "FAILED" in table([Row("update", [1.0], requests=5, lost=1)])
    assert "FAILED" in table([Row("update", [1.0], requests=5, restarts=1)])
    assert "FAILED" in table([Row("hung", [1.0], requests=5, lost=1, is_fault=True)]), "nobody restarted it"


def test_the_runs_of_a_scenario_are_one_row() -> None:
    rows = [Row("update", [1.0]), Row("deletion", [4.0, 9.0], 10, lost=1), Row("deletion", [5.0, 8.0], 12, refused=2)]

    assert merged(rows) == [Row("update", [1.0]), Row("deletion (2 times)", [5.0, 9.0], 22, refused=2, lost=1)]


class Described(Cluster):
    """Answers only what a record asks of a cluster."""

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        match arguments:
            case ("version", "--output=json"):
                return json.dumps({"serverVersion": {"gitVersion": "v1.36.2"}})
            case ("get", "nodes", "--output=name"):
                return "node/one\nnode/two\n"
        raise AssertionError(arguments)


def test_the_docs_show_what_a_run_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    limited = [Row("hung", [4.0, 15.0, 24.0], 1_200, lost=6, restarts=1, is_fault=True)]

    record(Described("kind-described", NAMESPACE), {"no limit": [Row("hung", [3.9, 15.1, 18.0], 500)], "200m": limited})

    shown = operations.cluster()
    assert "| hung | 3.9, 15.1, 18.0 | 500 | 0 | 4.0, 15.0, 24.0 | 1,200 | 6 |" in shown
    assert "Kubernetes 1.36.2, 2 nodes, " in shown


def test_a_pod_with_a_wrong_digest_that_is_ready_is_a_failure(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Simulation(service)
    cluster.until_settled()
    monkeypatch.setattr(Simulation, "_replace", Simulation.start_a_pod_that_works)

    with pytest.raises(E2EError, match="wrong digest is ready"):
        run.bad_artifact(cluster)


@pytest.mark.parametrize("cpu", [None, "200m"])
def test_the_applied_manifests_are_valid_and_in_one_namespace(cpu: str | None) -> None:
    objects = manifests(NAMESPACE, "registry.example.com/service:1", cpu)
    objects.append(client(objects))

    for each in objects:
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
        assert NAMESPACE in (each["metadata"]["name"], each["metadata"].get("namespace"))
    assert json.dumps(objects).count("registry.example.com/service:1") == 2
    assert json.dumps(objects).count('"model-services"') == 0
    assert ('"cpu": "200m"' in json.dumps(objects)) == (cpu is not None)


def test_the_clients_count_every_answer_until_their_input_ends(service: Service) -> None:
    cluster = Simulation(service)

    with cluster.load() as load:
        pass

    assert load.counts["200"] == load.counts.total() > 0


@pytest.fixture
def kubectl(tmp_path: Path) -> Path:
    """A command `kubectl` that records its arguments, and prints and does what the environment says."""
    program = tmp_path / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        'echo "$*" >>"$RECORD"\n'
        'case "$*" in $FAILS) echo refused >&2; exit 1;; esac\n'
        'case "$*" in\n'
        '*get\\ namespace*) printf %s "$FOUND";;\n'
        '*get\\ pods*) echo "{\\"items\\": []}";;\n'
        "*current-context*) echo production;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    return program


def started(kubectl: Path, *arguments: str, found: str = "", fails: str = "nothing") -> tuple[str, list[str]]:
    """Run the command with the recorded kubectl; return its error, and the commands of kubectl."""
    record = kubectl.with_name("record")
    path = f"{kubectl.parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "RECORD": str(record), "FOUND": found, "FAILS": fails}
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr, record.read_text().splitlines() if record.exists() else []


def test_a_cluster_that_is_not_local_is_not_touched_without_consent(kubectl: Path) -> None:
    error, commands = started(kubectl)

    assert "The cluster of the context 'production' was not touched." in error
    assert commands == ["config current-context"]


@pytest.mark.parametrize("context", ["kind-kind", "minikube", "docker-desktop", "production"])
def test_an_existing_namespace_is_left_alone(kubectl: Path, context: str) -> None:
    error, commands = started(
        kubectl, "--context", context, "--namespace", NAMESPACE, *(["--yes"] * (context == "production")), found="it"
    )

    assert f"The namespace '{NAMESPACE}' exists." in error
    assert commands == [f"--context {context} --namespace {NAMESPACE} get namespace {NAMESPACE} --ignore-not-found"]


def test_the_namespace_is_deleted_after_a_failure(kubectl: Path) -> None:
    error, commands = started(kubectl, "--context", "minikube", fails="*apply*")

    assert "apply -f -: refused" in error
    assert commands[-1].endswith("delete namespace credit-risk-e2e --ignore-not-found")
