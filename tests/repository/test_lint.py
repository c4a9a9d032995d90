"""The default checks of kube-linter and kube-score that apply here, under their original names.

The tools themselves are Go programs that are not on PyPI. WAIVED lists the checks that are not followed, with reasons.
"""

from typing import Any

import pytest

from tests.conftest import CONFIGURATION
from tests.deployment.manifests import (
    CONTAINER,
    DEPLOYMENT,
    KUBECTL,
    OVERLAY,
    PLAIN,
    POD,
    built,
    one,
    read,
)

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
WAIVED = {
    "no-anti-affinity, deployment-has-host-podantiaffinity": "topologySpreadConstraints spread the pods, even if there "
    "are more pods than nodes",
    "container-resources (limit of CPU)": "it would slow down starting and answering while cores are idle; when cores "
    "are busy, the requests divide them",
    "container-image-pull-policy": "`minikube image load` loads the image, which is in no registry",
    "container-ephemeral-storage-request-and-limit": "only the log is written, which the kubelet rotates, and /tmp, "
    "which has its own limit",
    "container-security-context-user-group-id": "the image has a numeric user above 10000; OpenShift assigns another "
    "user and refuses a pinned one",
    "service-type": "the plain Service is a NodePort for minikube; the Service of production is a ClusterIP",
    "pod-networkpolicy": "the default network of minikube does not enforce one; production has one",
}
SELECTOR = DEPLOYMENT["selector"]["matchLabels"]
PRODUCTION: list[dict[str, Any]] = [
    *PLAIN,
    *read(OVERLAY / "autoscaler.yaml"),
    *read(OVERLAY / "network_policy.yaml"),
]


@pytest.mark.parametrize("check", WAIVED)
def test_every_waiver_has_a_reason(check: str) -> None:
    assert len(WAIVED[check].split()) >= 5


def test_dangling_service_and_service_targets_pod() -> None:
    assert one("Service", PLAIN)["spec"]["selector"].items() <= DEPLOYMENT["template"]["metadata"]["labels"].items()


def test_mismatching_selector() -> None:
    assert SELECTOR.items() <= DEPLOYMENT["template"]["metadata"]["labels"].items()


def test_invalid_target_ports_and_liveness_readiness_startup_port() -> None:
    names = {port["name"] for port in CONTAINER["ports"]}

    assert {port["targetPort"] for port in one("Service", PLAIN)["spec"]["ports"]} <= names
    assert {CONTAINER[kind]["httpGet"]["port"] for kind in PROBES} <= names


def test_ssh_port() -> None:
    assert 22 not in {port["containerPort"] for port in CONTAINER["ports"]}


def test_pod_probes() -> None:
    assert len({CONTAINER[kind]["httpGet"]["path"] for kind in PROBES}) == len(PROBES)


def test_deprecated_service_account_field_and_non_existent_service_account() -> None:
    assert "serviceAccount" not in POD
    assert POD["serviceAccountName"] == one("ServiceAccount", PLAIN)["metadata"]["name"]


def test_docker_sock_sensitive_host_mounts_host_ipc_host_network_host_pid_unsafe_sysctls() -> None:
    assert not {"hostIPC", "hostNetwork", "hostPID"} & POD.keys()
    assert not [volume for volume in POD["volumes"] if "hostPath" in volume]
    assert "sysctls" not in POD["securityContext"]


def test_duplicate_env_var_and_env_var_secret() -> None:
    assert [variable["name"] for variable in CONTAINER["env"]] == ["REST_CONFIG", "REST_STAY_READY_SECONDS"]
    assert CONTAINER["env"][0]["value"].endswith(CONFIGURATION.name)


def test_latest_tag_and_container_image_tag() -> None:
    tag = CONTAINER["image"].partition(":")[2]

    assert tag
    assert tag != "latest"


def test_drop_net_raw_capability() -> None:
    assert CONTAINER["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_no_read_only_root_fs_privilege_escalation_container_privileged_container() -> None:
    security = CONTAINER["securityContext"]

    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert "privileged" not in security


def test_run_as_non_root() -> None:
    security = POD["securityContext"]

    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_unset_cpu_requirements_unset_memory_requirements_container_resources() -> None:
    assert CONTAINER["resources"] == {
        "requests": {"cpu": "100m", "memory": "500Mi"},
        "limits": {"memory": "500Mi"},
    }


def test_pdb_max_unavailable_pdb_unhealthy_pod_eviction_policy_deployment_has_poddisruptionbudget() -> None:
    budget = one("PodDisruptionBudget", PLAIN)["spec"]

    assert 0 < budget["maxUnavailable"] < DEPLOYMENT["replicas"]
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert budget["selector"]["matchLabels"] == SELECTOR


def test_deployment_strategy_and_deployment_replicas() -> None:
    assert DEPLOYMENT["strategy"]["type"] == "RollingUpdate"
    assert DEPLOYMENT["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert DEPLOYMENT["replicas"] >= 2


def test_horizontalpodautoscaler_has_target_and_horizontalpodautoscaler_replicas() -> None:
    autoscaler = one("HorizontalPodAutoscaler", PRODUCTION)["spec"]

    assert autoscaler["scaleTargetRef"]["name"] == one("Deployment", PLAIN)["metadata"]["name"]
    assert 2 <= autoscaler["minReplicas"] < autoscaler["maxReplicas"]


def test_networkpolicy_targets_pod_and_pod_networkpolicy() -> None:
    policy = one("NetworkPolicy", PRODUCTION)["spec"]

    assert policy["podSelector"]["matchLabels"] == SELECTOR
    assert policy["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.skipif(KUBECTL is None, reason="no kubectl on the path")
def test_deployment_targeted_by_hpa_does_not_have_replicas_configured_and_service_type() -> None:
    production = built(OVERLAY)

    assert "replicas" not in one("Deployment", production)["spec"]
    assert one("Service", production)["spec"]["type"] != "NodePort"


def test_label_values_and_the_namespace_of_everything() -> None:
    for manifest in PRODUCTION:
        if manifest["kind"] == "Namespace":
            assert manifest["metadata"]["name"] == "model-services"
            assert manifest["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        else:
            assert manifest["metadata"]["namespace"] == "model-services"
        assert all(isinstance(value, str) for value in manifest["metadata"].get("labels", {}).values())
