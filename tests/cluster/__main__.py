"""Proves the manifests on a real cluster: `python -m tests.cluster`, or `make e2e`.

It creates a namespace, goes through the scenarios below while clients in the cluster send requests, prints a table, and
deletes the namespace.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable

from tests.cluster.cluster import CLIENT, DEPLOYMENT, REPLICAS, Cluster, E2EError, Pod, client, until
from tests.cluster.report import Row, counted, merged, record, table

LOCAL = ("minikube", "docker-desktop")
OVERLOAD_SECONDS, CONNECTIONS = 30, 128
RECORDED_LIMITS = {"no limit": None, "200m": "200m"}  # of the CPU of a pod
RECORDED_DELETIONS = 10


def start(cluster: Cluster) -> Row:
    """The manifests are applied, and then the pod of the clients."""
    cluster.apply(cluster.objects)
    seconds = until(lambda: sum(pod.is_ready for pod in cluster.pods()) == REPLICAS, "ready")
    cluster.apply([client(cluster.objects)])
    cluster.kubectl("wait", "--for=condition=Ready", "--timeout=300s", f"pod/{CLIENT}")
    return Row("start, until all pods are ready", [seconds])


def overload(cluster: Cluster) -> Row:
    """More connections than the pods can answer at once, without a pause."""
    with cluster.load(CONNECTIONS, rate=0) as load:
        end = time.monotonic() + OVERLOAD_SECONDS
        until(lambda: time.monotonic() > end or not all(pod.is_ready for pod in cluster.pods()), "the end")
        seconds = time.monotonic() - end + OVERLOAD_SECONDS
    if seconds < OVERLOAD_SECONDS:
        raise E2EError(f"A pod was not ready after {seconds:.0f} s of overload.")
    return counted(f"{CONNECTIONS} connections", [seconds], load)


def rolling_update(cluster: Cluster) -> Row:
    return changed(cluster, "rolling update", "set", "env", DEPLOYMENT, "E2E_REVISION=2")


def rollback(cluster: Cluster) -> Row:
    return changed(cluster, "rollback", "rollout", "undo", DEPLOYMENT)


def bad_artifact(cluster: Cluster) -> Row:
    """A rollout whose artifact is refused: the new pod restarts and is never ready, and the old pods serve."""
    old = {pod.name for pod in cluster.pods()}
    with cluster.load() as load:
        cluster.kubectl("set", "env", DEPLOYMENT, f"CREDIT_RISK_ARTIFACT_SHA256={'0' * 64}")

        def has_restarted() -> bool:
            pods = cluster.pods()
            if any(pod.is_ready for pod in pods if pod.name not in old):
                raise E2EError("A pod with a wrong digest is ready.")
            if sum(pod.is_ready for pod in pods) < REPLICAS:
                raise E2EError("An old pod is not ready any more.")
            return any(pod.restarts for pod in pods)

        seconds = until(has_restarted, "the new pod restarts")
        cluster.kubectl("rollout", "undo", DEPLOYMENT)
        cluster.until_settled()
    return counted("bad artifact, until its pod restarts", [seconds], load)


def eviction(cluster: Cluster) -> Row:
    """Each pod is evicted, as `kubectl drain` does it, as soon as the PodDisruptionBudget allows it."""
    names = [pod.name for pod in cluster.until_settled()]
    begin = time.monotonic()
    with cluster.load() as load:
        for name in names:
            until(lambda name=name: cluster.evict(name), f"the eviction of {name}")  # type: ignore[misc]  # called at once
        seconds = time.monotonic() - begin
        cluster.until_settled()
    return counted("eviction of each pod", [seconds], load)


def deletion(cluster: Cluster) -> Row:
    """All pods are deleted at once."""
    names = {pod.name for pod in cluster.until_settled()}
    with cluster.load() as load:
        cluster.kubectl("delete", "pod", "--wait=false", *names)
        seconds = until(
            lambda: sum(pod.is_ready for pod in cluster.pods() if pod.name not in names) == REPLICAS, "others are ready"
        )
        cluster.until_settled()
    return counted("all pods deleted at once, until others are ready", [seconds], load)


def hung(cluster: Cluster) -> Row:
    """A process gets SIGSTOP. The first process of a container ignores it, so the pods share their processes here."""
    patch = '{"spec": {"template": {"spec": {"shareProcessNamespace": true}}}}'
    cluster.kubectl("patch", DEPLOYMENT, "--patch", patch)
    cluster.rollout()
    name = cluster.until_settled()[0].name
    with cluster.load() as load:
        cluster.send_signal(name, "SIGSTOP")
        begin = time.monotonic()
        stages = (lambda pod: not pod.is_ready, lambda pod: pod.restarts, lambda pod: pod.is_ready)
        seconds = [_seconds_until(cluster, name, stage, begin) for stage in stages]
    return counted("hung: until out of service, restarted, ready", seconds, load, is_fault=True)


def killed(cluster: Cluster) -> Row:
    """A process gets SIGKILL, in the pod that did not hang."""
    name = next(pod.name for pod in cluster.until_settled() if not pod.restarts)
    with cluster.load() as load:
        cluster.send_signal(name, "SIGKILL")
        begin = time.monotonic()
        stages = (lambda pod: pod.restarts, lambda pod: pod.is_ready)
        seconds = [_seconds_until(cluster, name, stage, begin) for stage in stages]
    return counted("killed: until restarted, ready", seconds, load, is_fault=True)


def scale(cluster: Cluster) -> Row:
    """To no pod and back; nothing can answer meanwhile, so nothing is asked."""
    cluster.kubectl("scale", DEPLOYMENT, "--replicas=0")
    until(lambda: not cluster.pods(), "no pod")
    cluster.kubectl("scale", DEPLOYMENT, f"--replicas={REPLICAS}")
    seconds = until(lambda: sum(pod.is_ready for pod in cluster.pods()) == REPLICAS, "ready")
    return Row(f"scale 0 to {REPLICAS}, until all pods are ready", [seconds])


SCENARIOS = (start, overload, rolling_update, rollback, bad_artifact, eviction, deletion, hung, killed, scale)


def changed(cluster: Cluster, name: str, *command: str) -> Row:
    """Change the Deployment under load, and wait until the old pods have ended."""
    with cluster.load() as load:
        begin = time.monotonic()
        cluster.kubectl(*command)
        cluster.rollout()
        seconds = time.monotonic() - begin
        cluster.until_settled()
    return counted(name, [seconds], load)


def _seconds_until(cluster: Cluster, name: str, stage: Callable[[Pod], object], begin: float) -> float:
    until(lambda: (pod := cluster.pod(name)) and stage(pod), "the next state of the pod")
    return time.monotonic() - begin


def run(cluster: Cluster, deletions: int = 1) -> list[Row]:
    """Run the scenarios; print their table, also if one of them cannot be finished; return their results.

    All pods are deleted as often as `deletions` says.
    """
    rows: list[Row] = []
    try:
        for scenario in [each for each in SCENARIOS for _ in range(deletions if each is deletion else 1)]:
            print(f"{scenario.__name__} ...", file=sys.stderr)
            before = cluster.restarts()
            rows.append(scenario(cluster))
            rows[-1].restarts = sum(count - before.get(name, 0) for name, count in cluster.restarts().items())
    except E2EError:
        print(cluster.kubectl("get", "pods"), cluster.kubectl("get", "events", "--sort-by=.lastTimestamp"))
        raise
    finally:
        print(table(merged(rows)))
    return rows


def run_and_clean(cluster: Cluster, deletions: int = 1) -> list[Row]:
    """Run the scenarios in a new namespace, and delete it."""
    if cluster.kubectl("get", "namespace", cluster.namespace, "--ignore-not-found"):
        raise E2EError(f"The namespace '{cluster.namespace}' exists. Delete it, or use another one with --namespace.")
    try:
        return run(cluster, deletions)
    finally:
        print(f"Deleting the namespace {cluster.namespace} ...", file=sys.stderr)
        cluster.kubectl("delete", "namespace", cluster.namespace, "--ignore-not-found")


def confirmed(context: str, is_allowed: bool) -> bool:
    """Return whether the cluster may be used: a local one, or any other that the user allows."""
    if is_allowed or context in LOCAL or context.startswith("kind-"):
        return True
    if not sys.stdin.isatty():
        return False
    return input(f"The context '{context}' is not kind, minikube or docker-desktop. Use it? [y/N] ").lower() == "y"


def current_context() -> str:
    try:
        return subprocess.check_output(["kubectl", "config", "current-context"], text=True).strip()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"kubectl names no cluster: {error}")


def main() -> None:
    """Run the scenarios; exit with 1 if one of them cannot be finished, or loses a request, or restarts a pod."""
    parser = argparse.ArgumentParser("python -m tests.cluster", description=__doc__)
    parser.add_argument("--context", help="the cluster; the default is the current context of kubectl")
    parser.add_argument("--yes", action="store_true", help="use a cluster that is not local without asking")
    parser.add_argument("--namespace", default="credit-risk-e2e", help="must not exist; it is created and deleted")
    parser.add_argument("--image", help="the image of the service; the cluster must have it or be able to pull it")
    parser.add_argument("--cpu", help="a CPU limit for each pod, such as 200m")
    parser.add_argument(
        "--record",
        action="store_true",
        help=f"run without and with a CPU limit, delete all pods {RECORDED_DELETIONS} times, and record the results",
    )
    options = parser.parse_args()
    context = options.context or current_context()
    if not confirmed(context, options.yes):
        sys.exit(f"The cluster of the context '{context}' was not touched. --yes allows it.")
    limits = RECORDED_LIMITS if options.record else {"": options.cpu}
    rows: dict[str, list[Row]] = {}
    try:
        for name, cpu in limits.items():
            cluster = Cluster(context, options.namespace, options.image, cpu)
            rows[name] = run_and_clean(cluster, RECORDED_DELETIONS if options.record else 1)
        if options.record:
            record(cluster, rows)
    except E2EError as error:
        sys.exit(str(error))
    if not all(each.holds for found in rows.values() for each in found):
        sys.exit(1)


if __name__ == "__main__":
    main()
