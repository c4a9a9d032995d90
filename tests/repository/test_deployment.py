"""The image, the manifests, the configuration and the documents agree, and the manifests are valid."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

import credit_risk_model
from benchmarks import control_group, measure, results
from benchmarks.measure import seconds_to_act
from credit_risk_model.scoring.arguments import parser
from credit_risk_model.service.settings import Settings
from docs.tables.manifests import ARTIFACTS, pinned, plain
from tests.conftest import CONFIGURATION, ROOT
from tests.deployment.manifests import (
    CONTAINER,
    DEPLOYMENT,
    ENVIRONMENT,
    KUBECTL,
    KUBERNETES,
    MONITORING,
    OVERLAY,
    PLAIN,
    POD,
    Manifest,
    built,
    built_from,
    one,
    read,
)
from tests.deployment.rehearsal import RATE
from tests.docs.documents import blocks

VERSION = credit_risk_model.__version__
OPERATIONS = ROOT / "docs" / "operations.md"
JOBS = KUBERNETES / "jobs"
[JOB] = read(JOBS / "score.yaml")
[COPY] = read(JOBS / "copy.yaml")
IMAGE = f"credit_risk_model_service:{VERSION}"
SCORING_IMAGE = f"credit_risk_model_scoring:{VERSION}"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["credit-risk-model-service"]
KUBERNETES_VERSIONS = [f"1.{minor}" for minor in range(30, int(kubernetes_validate.latest_version().split(".")[1]) + 1)]
PATHS = {
    "startupProbe": "/api/health/startup",
    "readinessProbe": "/api/health/ready",
    "livenessProbe": "/api/health",
}
STAY_READY_SECONDS = float(ENVIRONMENT["REST_STAY_READY_SECONDS"])
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="no kubectl on the path")


def quantity(text: str) -> float:
    """Return cores or bytes."""
    number, unit = re.fullmatch(r"(\d+)(\w*)", text).groups()  # type: ignore[union-attr]  # the schema has seen it
    return int(number) * {"": 1, "m": 1e-3, "Mi": 2**20, "Gi": 2**30}[unit]


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_the_manifests_are_valid(version: str) -> None:
    objects = [*PLAIN, *read(OVERLAY / "autoscaler.yaml"), *read(OVERLAY / "network_policy.yaml")]

    for manifest in objects:
        kubernetes_validate.validate(manifest, version, strict=True)


@needs_kubectl
@pytest.mark.parametrize("folder", [KUBERNETES / "base", OVERLAY], ids=lambda folder: folder.name)
def test_the_output_of_kustomize_is_valid(folder: Path) -> None:
    for manifest in built(folder):
        kubernetes_validate.validate(manifest, KUBERNETES_VERSIONS[-1], strict=True)


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_the_job_its_volume_and_the_pod_that_copies_are_valid(version: str) -> None:
    for manifest in [manifest for path in JOBS.iterdir() for manifest in read(path)]:
        kubernetes_validate.validate(manifest, version, strict=True)
        assert manifest["metadata"]["namespace"] == "model-services"


def test_the_loans_can_be_copied_before_the_job_starts() -> None:
    """A file that is created for the Job alone must not create the volume too."""
    assert [manifest["kind"] for manifest in read(JOBS / "loans.yaml")] == ["PersistentVolumeClaim"]
    [claim] = read(JOBS / "loans.yaml")
    for pod in (COPY["spec"], JOB["spec"]["template"]["spec"]):
        claims = [volume["persistentVolumeClaim"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
        assert claims == [{"claimName": claim["metadata"]["name"]}]


def test_the_job_runs_the_command_in_the_image_of_the_second_target() -> None:
    [container] = JOB["spec"]["template"]["spec"]["containers"]
    options = parser().parse_args(container["args"])
    [volume] = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "loans"]

    assert container["image"] == SCORING_IMAGE
    assert "\nSCORING_IMAGE = credit_risk_model_scoring:$(VERSION)\n" in (ROOT / "Makefile").read_text()
    assert f"credit_risk_model_scoring:{VERSION}" == SCORING_IMAGE
    assert "AS scoring\n" in DOCKERFILE
    assert 'ENTRYPOINT ["python", "-m", "credit_risk_model.scoring"]' in DOCKERFILE
    assert (options.resume, options.accept_rejects, options.engine) == (True, True, "local")
    assert JOB["spec"]["activeDeadlineSeconds"] > 0
    assert options.input.is_relative_to(volume)
    assert options.output.is_relative_to(volume)


@pytest.mark.parametrize("pod", [JOB["spec"]["template"]["spec"], COPY["spec"]], ids=["score", "copy"])
def test_a_pod_with_loans_has_the_restrictions_of_the_service(pod: Manifest) -> None:
    [container] = pod["containers"]

    assert {key: pod["securityContext"][key] for key in POD["securityContext"]} == POD["securityContext"]
    assert container["securityContext"] == CONTAINER["securityContext"]
    assert pod["automountServiceAccountToken"] is False
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
    assert "cpu" not in container["resources"]["limits"]


def test_a_manifest_with_an_unknown_key_is_invalid() -> None:
    broken = one("Service", PLAIN) | {"specs": {}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES_VERSIONS[-1], strict=True)


def test_the_image_and_its_version_are_the_same_everywhere() -> None:
    assert CONTAINER["image"] == COMPOSE["image"] == IMAGE
    assert "\nIMAGE = credit_risk_model_service:$(VERSION)\n" in (ROOT / "Makefile").read_text()
    assert f"credit_risk_model_service:{VERSION}" == IMAGE
    assert f'org.opencontainers.image.version="{VERSION}"' in DOCKERFILE
    for labels in (one("Deployment", PLAIN)["metadata"]["labels"], DEPLOYMENT["template"]["metadata"]["labels"]):
        assert labels["app.kubernetes.io/version"] == VERSION


def test_the_port_is_the_same_everywhere() -> None:
    [port] = CONTAINER["ports"]
    [served] = one("Service", PLAIN)["spec"]["ports"]

    assert port == {"name": "http", "containerPort": 8000}
    assert (served["port"], served["targetPort"]) == (80, "http")
    assert {CONTAINER[kind]["httpGet"]["port"] for kind in PATHS} == {"http"}
    assert "EXPOSE 8000" in DOCKERFILE
    assert '"--port", "8000"]' in DOCKERFILE
    assert "('localhost', 8000)" in DOCKERFILE
    assert COMPOSE["ports"] == ["127.0.0.1:8000:8000"]


def test_only_the_image_sets_the_user_and_as_a_number() -> None:
    """A cluster such as OpenShift may assign another user. `runAsNonRoot` refuses an image whose user is a name."""
    users = re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)
    pinned = [path for path in KUBERNETES.rglob("*.yaml") if re.search("runAs(User|Group):", path.read_text())]

    assert users == ["10001:10001"]
    assert pinned == []
    assert POD["securityContext"]["runAsNonRoot"] is True


def test_the_configuration_is_the_same_everywhere() -> None:
    [(name, content)] = one("ConfigMap", PLAIN)["data"].items()
    [mount] = [mount for mount in CONTAINER["volumeMounts"] if mount["name"] == "configuration"]

    assert content == CONFIGURATION.read_text(), "the ConfigMap has another configuration"
    assert name == CONFIGURATION.name
    assert {"name": "REST_CONFIG", "value": f"./configuration/{name}"} in CONTAINER["env"]
    assert f"REST_CONFIG=./configuration/{name}" in DOCKERFILE
    assert mount["mountPath"] == "/service/configuration"
    assert "WORKDIR /service\n" in DOCKERFILE


def test_every_pin_of_an_artifact_is_the_digest_of_the_shipped_one() -> None:
    stale = [path for path, text in pinned() if path.read_text() != text]

    assert stale == [], "stale: `make docs` writes it"


def test_the_grace_period_is_long_enough_for_the_drain() -> None:
    settings = Settings()
    ending = settings.drain_seconds + settings.finish_seconds + 1

    assert POD["terminationGracePeriodSeconds"] >= STAY_READY_SECONDS + ending
    assert COMPOSE["stop_grace_period"] == f"{ending:.0f}s"


def test_a_stalled_process_has_time_to_drain_before_it_is_killed() -> None:
    for kind in ("startupProbe", "livenessProbe"):
        assert CONTAINER[kind]["terminationGracePeriodSeconds"] > Settings().drain_seconds


def test_kubernetes_notices_the_failed_readiness_within_the_drain() -> None:
    _, most = seconds_to_act(CONTAINER["readinessProbe"], is_silent=False)

    assert most < Settings().drain_seconds


def test_each_probe_has_its_own_path() -> None:
    assert {kind: CONTAINER[kind]["httpGet"]["path"] for kind in PATHS} == PATHS


def test_a_rollout_fails_only_after_the_time_that_a_start_may_take() -> None:
    probe = CONTAINER["startupProbe"]

    assert DEPLOYMENT["progressDeadlineSeconds"] > probe["periodSeconds"] * probe["failureThreshold"]


@pytest.mark.parametrize(
    ("holds", "words"),
    measure.checks(results.read("measure"), POD),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_figures_of_the_manifests_fit_the_measurements(holds: bool, words: str) -> None:
    assert holds, f"does not hold: {words}; `make measure` measures again"


def test_without_an_engine_and_control_groups_measure_exits_with_a_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measure, "DOCKER", "false")
    monkeypatch.setattr(control_group, "_ROOT", tmp_path / "nowhere")

    _, run = measure.environment()

    with pytest.raises(SystemExit, match=r"Cannot measure here\. A control group cannot be created \("), run(None):
        pass


def test_a_figure_that_does_not_fit_the_measurements_is_found() -> None:
    slow = results.read("measure")
    slow["200m"] |= {"seconds to ready": 21.0, "peak memory in MiB": 400, "slowest probe in ms": 4_000}

    assert [holds for holds, _ in measure.checks(slow, POD)] == [False, False, False, True, False, True]


def test_the_quota_has_room_for_a_rolling_update_of_the_largest_deployment() -> None:
    quota = one("ResourceQuota", PLAIN)["spec"]["hard"]
    [autoscaler] = read(OVERLAY / "autoscaler.yaml")
    replicas = autoscaler["spec"]["maxReplicas"]
    pods = replicas + DEPLOYMENT["strategy"]["rollingUpdate"]["maxSurge"] + replicas  # the last ones still drain
    requests, limits = CONTAINER["resources"]["requests"], CONTAINER["resources"]["limits"]

    assert int(quota["pods"]) >= pods
    assert quantity(quota["requests.cpu"]) >= pods * quantity(requests["cpu"])
    assert quantity(quota["requests.memory"]) >= pods * quantity(requests["memory"])
    assert quantity(quota["limits.memory"]) >= pods * quantity(limits["memory"])
    assert ("limits.cpu" in quota) == ("cpu" in limits), "a quota for CPU limits refuses pods without a CPU limit"


def test_the_plain_manifest_is_made_of_the_base_and_the_configuration() -> None:
    path = KUBERNETES / "model_service.yaml"

    assert not path.is_symlink(), "a link breaks zip downloads, raw URLs and checkouts on Windows"
    assert path.read_text() == plain(), "stale: `make docs` writes it"


@needs_kubectl
def test_the_base_equals_the_plain_manifests_except_for_the_namespace() -> None:
    base = built(KUBERNETES / "base")
    hashed = one("ConfigMap", base)["metadata"]["name"]
    plain_manifests = read(KUBERNETES / "model_service.yaml")

    named = json.loads(json.dumps(base).replace(hashed, one("ConfigMap", plain_manifests)["metadata"]["name"]))
    assert {manifest["metadata"].pop("namespace") for manifest in plain_manifests} == {"model-services"}
    assert {manifest["kind"]: manifest for manifest in named} == {each["kind"]: each for each in plain_manifests}


@needs_kubectl
def test_the_production_overlay_makes_its_changes() -> None:
    production = built(OVERLAY)
    deployment = one("Deployment", production)["spec"]
    [container] = deployment["template"]["spec"]["containers"]
    added = [variable for variable in container["env"] if variable not in CONTAINER["env"]]

    assert "replicas" not in deployment, "the autoscaler sets the number of pods"
    assert one("Service", production)["spec"]["type"] == "ClusterIP"
    assert [spread["topologyKey"] for spread in deployment["template"]["spec"]["topologySpreadConstraints"]] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    pins = {f"{prefix}ARTIFACT_SHA256" for prefix in ARTIFACTS}
    assert {variable["name"] for variable in added} == pins | {"REST_METRICS_PORT"}
    assert container | {"env": CONTAINER["env"], "ports": CONTAINER["ports"]} == CONTAINER


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[..., list[Manifest]]:
    """Builds the overlay of the document as another model, on this base and with these components."""

    def build(name: str, base: Path, components: Sequence[Path] = ()) -> list[Manifest]:
        [block] = [text for text in blocks(OPERATIONS, "yaml") if "kind: Kustomization" in text]
        folder = tmp_path / name
        folder.mkdir()
        content = yaml.safe_load(block.replace("my-", f"{name}-")) | {
            "resources": [relative(base, folder)],
            "components": [relative(component, folder) for component in components],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
        (folder / CONFIGURATION.name).write_text(f"service_title: {name}\n")
        return built(folder)

    return build


def relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


def selectors(manifest: Manifest) -> Iterator[dict[str, str]]:
    """Yield the labels by which a manifest selects pods of its own model."""
    spec = manifest.get("spec", {})
    if manifest["kind"] == "Service":
        yield spec["selector"]
    elif manifest["kind"] == "NetworkPolicy":
        yield spec["podSelector"]["matchLabels"]
    elif "selector" in spec:
        yield spec["selector"]["matchLabels"]
    for constraint in spec.get("template", {}).get("spec", {}).get("topologySpreadConstraints", ()):
        yield constraint["labelSelector"]["matchLabels"]


@needs_kubectl
@pytest.mark.parametrize("base", [KUBERNETES / "base", OVERLAY], ids=lambda base: base.name)
def test_models_in_one_namespace_never_select_the_pods_of_each_other(
    base: Path, overlay: Callable[..., list[Manifest]]
) -> None:
    models = {"ours": built(base), "first": overlay("first", base), "second": overlay("second", base)}

    names = [(each["kind"], each["metadata"]["name"]) for manifests in models.values() for each in manifests]
    assert len(names) == len(set(names))
    for name, manifests in models.items():
        found = [selector for manifest in manifests for selector in selectors(manifest)]
        assert len(found) >= 4
        for other, others in models.items():
            labels = one("Deployment", others)["spec"]["template"]["metadata"]["labels"]
            assert [selector.items() <= labels.items() for selector in found] == [name == other] * len(found)


@needs_kubectl
def test_another_model_keeps_its_configuration_scaling_and_the_peers_of_its_policy(
    overlay: Callable[..., list[Manifest]],
) -> None:
    manifests, ours = overlay("first", OVERLAY), built(OVERLAY)
    policy, own_policy = (one("NetworkPolicy", each)["spec"] for each in (manifests, ours))
    deployment, configuration = one("Deployment", manifests), one("ConfigMap", manifests)
    volumes = deployment["spec"]["template"]["spec"]["volumes"]

    assert {peer: policy[peer] for peer in ("ingress", "egress")} == {
        peer: own_policy[peer] for peer in ("ingress", "egress")
    }
    assert configuration["data"] == {CONFIGURATION.name: "service_title: first\n"}
    assert {"name": "configuration", "configMap": {"name": configuration["metadata"]["name"]}} in volumes
    assert one("HorizontalPodAutoscaler", manifests)["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


@needs_kubectl
@pytest.mark.parametrize(
    "component", sorted({*(KUBERNETES / "components").iterdir()} - {MONITORING}), ids=lambda path: path.name
)
@pytest.mark.parametrize("base", [KUBERNETES / "base", OVERLAY], ids=lambda base: base.name)
def test_a_component_gives_another_artifact_that_is_pinned(
    base: Path, component: Path, overlay: Callable[..., list[Manifest]]
) -> None:
    manifests = overlay("first", base, [component])
    pod = one("Deployment", manifests)["spec"]["template"]["spec"]
    [container] = pod["containers"]
    variables = [variable["name"] for variable in container["env"]]
    images = [container["image"], *(volume["image"]["reference"] for volume in pod["volumes"] if "image" in volume)]

    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES_VERSIONS[-1], strict=True)
    assert {"CREDIT_RISK_ARTIFACT_PATH", "CREDIT_RISK_ARTIFACT_SHA256"} <= set(variables)
    assert len(variables) == len(set(variables))
    assert any("@sha256:" in image for image in images) == component.name.endswith("image")
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts.get("models", "/models") == "/models"
    assert mounts.keys() == {volume["name"] for volume in pod["volumes"]}


@needs_kubectl
def test_production_serves_the_metrics_on_a_port_of_their_own() -> None:
    production = built(OVERLAY)
    template = one("Deployment", production)["spec"]["template"]
    [container] = template["spec"]["containers"]
    [port] = [port for port in container["ports"] if port not in CONTAINER["ports"]]
    [setting] = [variable for variable in container["env"] if variable["name"] == "REST_METRICS_PORT"]
    ingress, prometheus = one("NetworkPolicy", production)["spec"]["ingress"]
    [endpoint] = one("PodMonitor", read(MONITORING / "pod_monitor.yaml"))["spec"]["podMetricsEndpoints"]

    assert port["name"] == "metrics"
    assert template["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": setting["value"],
        "prometheus.io/path": endpoint["path"],
    }
    assert setting["value"] == str(port["containerPort"])
    assert (ingress["ports"], prometheus["ports"]) == ([{"port": "http"}], [{"port": "metrics"}])
    assert endpoint["port"] == "metrics"
    assert f"a port of their own, {setting['value']}," in OPERATIONS.read_text()


@needs_kubectl
@pytest.mark.parametrize("name", ["ours", "first"])
def test_the_monitoring_component_fits_the_production_overlay_and_those_of_other_models(
    name: str, overlay: Callable[..., list[Manifest]]
) -> None:
    added, is_ours = [MONITORING], name == "ours"
    monitoring = built_from(resources=[OVERLAY], components=added) if is_ours else overlay(name, OVERLAY, added)
    monitor, rules = one("PodMonitor", monitoring), one("PrometheusRule", monitoring)
    [dashboard] = [each for each in monitoring if "grafana_dashboard" in each["metadata"].get("labels", {})]
    alerts = [rule for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule]

    assert {each["metadata"]["namespace"] for each in (monitor, rules, dashboard)} == {"model-services"}
    assert list(dashboard["data"].values()) == [(MONITORING / "dashboard.json").read_text()]
    assert all(alert["annotations"]["runbook_url"].startswith("docs/operations.md#") for alert in alerts)
    assert rules["spec"] == one("PrometheusRule", read(MONITORING / "rules.yaml"))["spec"]
    assert monitor["spec"] == one("PodMonitor", read(MONITORING / "pod_monitor.yaml"))["spec"]


@needs_kubectl
def test_one_component_watches_the_pods_of_all_models(overlay: Callable[..., list[Manifest]]) -> None:
    monitor = one("PodMonitor", overlay("first", OVERLAY, [MONITORING]))["spec"]
    [endpoint] = monitor["podMetricsEndpoints"]
    pods = [one("Deployment", each)["spec"]["template"] for each in (built(OVERLAY), overlay("second", OVERLAY))]

    for pod in pods:
        [container] = pod["spec"]["containers"]
        assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert endpoint["port"] in {port["name"] for port in container["ports"]}
    assert monitor["namespaceSelector"] == {"any": True}
    jobs = [pod["metadata"]["labels"][monitor["jobLabel"]] for pod in pods]
    assert jobs == ["credit-risk-model-service", "second-model"], "each model is a job"


def test_the_rules_find_the_jobs_by_the_label_of_the_monitor() -> None:
    [endpoint] = one("PodMonitor", read(MONITORING / "pod_monitor.yaml"))["spec"]["podMetricsEndpoints"]
    [label] = endpoint["relabelings"]
    found = re.findall(
        r"\b(?:up|process_start_time_seconds)\{(\w+)=\"([\w-]+)\"", (MONITORING / "rules.yaml").read_text()
    )

    assert found
    assert set(found) == {(label["targetLabel"], label["replacement"])}


@needs_kubectl
def test_the_address_of_the_runbook_is_set_in_one_place(tmp_path: Path) -> None:
    component = shutil.copytree(MONITORING, tmp_path / "monitoring")
    rules = component / "rules.yaml"
    rules.write_text(rules.read_text().replace("runbook: docs/operations.md", "runbook: https://example.com/runbook"))

    [changed] = [each for each in built_from(components=[component]) if each["kind"] == "PrometheusRule"]

    urls = [rule["annotations"]["runbook_url"] for rule in changed["spec"]["groups"][-1]["rules"]]
    assert len(urls) > 5
    assert all(re.fullmatch(r"https://example\.com/runbook#[a-z]+", url) for url in urls)


def test_the_build_context_has_only_what_the_dockerfile_copies() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)

    assert lines[0] == "*"
    assert {line.removeprefix("!").rstrip("/") for line in lines if line.startswith("!")} == set(copied)


def test_the_build_needs_no_syntax_image_and_only_an_argument_with_a_default() -> None:
    assert "# syntax=" not in DOCKERFILE
    assert re.findall(r"^ARG (.*)", DOCKERFILE, re.MULTILINE) == ["BASE=by_tag"]
    assert "BASE = by_tag\n" in (ROOT / "Makefile").read_text()


def test_the_base_is_named_once_by_its_tag_and_once_by_its_digest() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE, re.MULTILINE)
    bases = {name: base for base, name in stages if base.startswith("python:")}

    assert bases.keys() == {"by_tag", "by_digest"}
    assert re.fullmatch(re.escape(bases["by_tag"]) + "@sha256:[0-9a-f]{64}", bases["by_digest"])
    others = {base for base, name in stages if name not in bases}
    assert others - {name for _, name in stages} == {"${BASE}"}


def test_every_install_installs_exactly_its_lock() -> None:
    """With hashes, without other dependencies, and only from wheels, because a build fetches unlocked packages."""
    recipes = (ROOT / "Makefile", ROOT / "uv.sh", ROOT / "Dockerfile")
    commands = [
        re.split(r'[\s",\\]+', command)
        for path in recipes
        for command in re.findall(
            r'\bpip\b\W+(?:install|sync)\b.*?(?:\.txt|\(1\)|lock\)|lock")', path.read_text(), re.DOTALL
        )
    ]

    assert len(commands) == 4
    for command in commands:
        assert {"--only-binary", ":all:", "--require-hashes"} <= set(command)
        assert "sync" in command or {"--no-deps", "-r"} <= set(command), "`pip sync` installs the lock and nothing else"


def test_the_figures_in_the_text_of_operations_are_those_of_the_manifests() -> None:
    text = OPERATIONS.read_text()
    settings = Settings()
    closes = STAY_READY_SECONDS + settings.drain_seconds
    readiness, liveness = CONTAINER["readinessProbe"], CONTAINER["livenessProbe"]
    grace = liveness["terminationGracePeriodSeconds"]
    out, dead = seconds_to_act(readiness, is_silent=True), seconds_to_act(liveness, is_silent=True)
    unhealthy = seconds_to_act(liveness, is_silent=False)
    hung = "{} to {} s".format(*(seconds + grace for seconds in dead))
    words = " ".join(text.split())

    assert f"out of service after {out[0]} to {out[1]} s. The container is killed after {hung}, and" in words
    assert f"leaves the Service after {out[0]} to {out[1]} s, and the container is restarted after {hung} |" in words
    assert f"liveness probe is {grace} s" in words
    assert f"drain of {settings.drain_seconds:g} s" in words
    assert "The container is restarted after {} to {} s;".format(*unhealthy) in words
    assert "the container is restarted {} to {} s later".format(*(seconds + grace for seconds in unhealthy)) in words
    assert f"set `REST_STAY_READY_SECONDS` to {STAY_READY_SECONDS:g}:" in words
    assert f"\n| {STAY_READY_SECONDS:g} | The drain" in text
    assert f"\n| {closes:g} | The listener closes. Requests in flight have {settings.finish_seconds} s." in text
    assert f"\n| {POD['terminationGracePeriodSeconds']} | `terminationGracePeriodSeconds`" in text
    assert f"after {DEPLOYMENT['progressDeadlineSeconds']} s `kubectl rollout status` fails" in text
    assert f"clients send {RATE} requests/s" in " ".join(text.split())
