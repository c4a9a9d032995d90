"""The cluster, through kubectl: the manifests in a namespace of their own, the pods, and the load."""

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.load import BODY, PREDICTION
from benchmarks.results import ROOT

KUBERNETES = ROOT / "kubernetes"
DEPLOYMENT = "deployment/credit-risk-model-deployment"
SERVICE = "credit-risk-model-service"
LABEL = f"app.kubernetes.io/name={SERVICE}"
CLIENT = "client"
CLIENT_PROGRAM = (Path(__file__).parent / "client.py").read_text()
REPLICAS = 2
Manifest = dict[str, Any]


class E2EError(Exception):
    """The run cannot continue. The message says why."""


def manifests(namespace: str, image: str | None = None, cpu: str | None = None) -> list[Manifest]:
    """Return the plain manifests in another namespace, with another image or CPU limit."""
    paths = (KUBERNETES / "namespace.yaml", KUBERNETES / "model_service.yaml")
    objects: list[Manifest] = [each for path in paths for each in yaml.safe_load_all(path.read_text())]
    for each in objects:
        if each["kind"] == "Namespace":
            each["metadata"]["name"] = namespace
        else:
            each["metadata"]["namespace"] = namespace
    [deployment] = [each for each in objects if each["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    container["image"] = image or container["image"]
    if cpu:
        container["resources"]["limits"]["cpu"] = cpu
    return objects


def client(objects: list[Manifest]) -> Manifest:
    """Return the pod of the clients, which has the image and the restrictions of the service."""
    [deployment] = [each for each in objects if each["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": CLIENT, "namespace": deployment["metadata"]["namespace"]},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "serviceAccountName": pod["serviceAccountName"],
            "automountServiceAccountToken": False,
            "securityContext": pod["securityContext"],
            "containers": [
                {
                    "name": CLIENT,
                    "image": container["image"],
                    "command": ["sleep", "infinity"],
                    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
                    "securityContext": container["securityContext"],
                }
            ],
        },
    }


class Cluster:
    """A namespace in the cluster of a context, and what `start` applies to it."""

    def __init__(self, context: str, namespace: str, image: str | None = None, cpu: str | None = None) -> None:
        self.namespace = namespace
        self.objects = manifests(namespace, image, cpu)
        self._kubectl = ["kubectl", "--context", context, "--namespace", namespace]

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """Run kubectl; return what it prints.

        Raises:
            E2EError: it failed.
        """
        done = subprocess.run([*self._kubectl, *arguments], input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise E2EError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def version(self) -> str:
        """Return the version of Kubernetes."""
        found: str = json.loads(self.kubectl("version", "--output=json"))["serverVersion"]["gitVersion"]
        return found.removeprefix("v")

    def apply(self, objects: list[Manifest]) -> None:
        self.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def rollout(self) -> None:
        """Wait until the new pods of a rollout are ready."""
        self.kubectl("rollout", "status", DEPLOYMENT, "--timeout=300s")

    def pods(self) -> "list[Pod]":
        """Return the pods of the service, oldest first."""
        found = json.loads(self.kubectl("get", "pods", f"--selector={LABEL}", "--output=json"))["items"]
        return sorted(map(Pod, found), key=lambda pod: pod.created)

    def restarts(self) -> dict[str, int]:
        """Return how often the containers of each pod were restarted."""
        return {pod.name: pod.restarts for pod in self.pods()}

    def pod(self, name: str) -> "Pod | None":
        return next((pod for pod in self.pods() if pod.name == name), None)

    def until_settled(self) -> "list[Pod]":
        """Wait until there are only ready pods, as many as replicas; return them."""
        pods: list[Pod] = []

        def are_settled() -> bool:
            pods[:] = self.pods()
            return len(pods) == REPLICAS and all(pod.is_ready and not pod.is_terminating for pod in pods)

        until(are_settled, f"{REPLICAS} ready pods and no other")
        return pods

    def send_signal(self, pod: str, name: str) -> None:
        """Send a signal to the service in a pod whose containers share their process namespace."""
        program = (
            "import os, pathlib, signal\n"
            "for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):\n"
            "    number, words = int(path.parent.name), path.read_bytes().split(b'\\0')\n"
            "    if b'credit_risk_model.service' in words:\n"
            f"        os.kill(number, signal.{name})\n"
        )
        try:
            self.kubectl("exec", pod, "--", "python", "-c", program)
        except E2EError as error:
            # The container ends with its first process, and with it the command that killed this process.
            if name != "SIGKILL" or "exit code 137" not in str(error):
                raise

    def evict(self, pod: str) -> bool:
        """Evict a pod through the eviction API; return False if the PodDisruptionBudget does not allow it now."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self.namespace},
        }
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        try:
            self.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(eviction))
        except E2EError as error:
            if "disruption budget" in str(error):
                return False
            raise
        return True

    def load(self, clients: int = 8, rate: int = 50) -> "Load":
        settings = {"host": SERVICE, "path": PREDICTION, "body": BODY.decode(), "clients": clients, "rate": rate}
        program = ["python", "-u", "-c", CLIENT_PROGRAM, json.dumps(settings)]
        return Load([*self._kubectl, "exec", "--stdin", CLIENT, "--", *program])


class Pod:
    """A pod as the API server describes it."""

    def __init__(self, manifest: Manifest) -> None:
        status = manifest["status"]
        containers = status.get("containerStatuses", [])
        self.name: str = manifest["metadata"]["name"]
        self.created: str = manifest["metadata"]["creationTimestamp"]
        self.is_terminating = "deletionTimestamp" in manifest["metadata"]
        conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
        self.is_ready = conditions.get("Ready") == "True"
        self.restarts: int = sum(each["restartCount"] for each in containers)


class Load:
    """Clients that send requests from the start to the end of a `with` block."""

    def __init__(self, command: list[str]) -> None:
        self.counts: Counter[str] = Counter()
        self._command = command

    def __enter__(self) -> "Load":
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        until(lambda: self.counts["200"] or self._process.poll() is not None, "the first answer")
        if self._process.poll() is not None:
            raise E2EError("The clients ended. Their error is above.")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reading.join()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.counts = Counter(json.loads(line))


def until(condition: Callable[[], Any], what: str, seconds: float = 300) -> float:
    """Wait until a condition is true; return the seconds that this took.

    Raises:
        E2EError: it is not true in time.
    """
    start = time.monotonic()
    while not condition():
        if time.monotonic() > start + seconds:
            raise E2EError(f"Not reached within {seconds:g} s: {what}.")
        time.sleep(0.1)
    return time.monotonic() - start
