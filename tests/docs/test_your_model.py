"""Does what docs/your-model.md shows, with the files on the page: install, check, serve, ask, break, stop, deploy."""

import re
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import kubernetes_validate
import numpy as np
import pytest
import yaml
from pydantic import BaseModel

from benchmarks.measure import Needs
from benchmarks.measure_model import fitting
from credit_risk_model.service.configuration import read
from credit_risk_model.service.settings import Settings
from tests.conftest import CONFIGURATION, ROOT, until
from tests.deployment.manifests import KUBERNETES, built, one
from tests.docs.documents import blocks, commands, files
from tests.docs.test_commands import GUIDE, SERVED, printed
from tests.repository.test_deployment import KUBERNETES_VERSIONS, needs_kubectl
from tests.service.process import Service, running

ENDING = Settings().drain_seconds + Settings().finish_seconds + 1
FILES = files(GUIDE)
INSTALL, SERVE = blocks(GUIDE, "sh")[:2]
LIBRARIES = {"joblib", "lightgbm", "numpy", "pandas", "scikit-learn", "scipy"}
# The YAML of the page that is not a file: parts of a configuration, and patches of the overlay.
PARTS = [yaml.safe_load(block) for block in blocks(GUIDE, "yaml") if block not in FILES.values()]


def installed(python: Path) -> set[str]:
    listed = subprocess.check_output([ROOT / "uv.sh", "pip", "list", "--python", str(python)], text=True)
    return {line.split()[0] for line in listed.splitlines()[2:]}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """A folder with the files of the page, and the environment and the model that its commands have made."""
    folder = tmp_path_factory.mktemp("checkout")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    for part in (KUBERNETES, CONFIGURATION.parent):
        shutil.copytree(part, folder / part.name)
    make, add = INSTALL.replace("./uv.sh", str(ROOT / "uv.sh")).splitlines()
    here = add.replace(" . ", f" {wheel} ")
    printed(f"{make} --python {sys.executable}", folder)
    printed(here.partition(" scikit-learn")[0], folder)
    assert not LIBRARIES & installed(folder / "build" / "iris" / "bin" / "python"), "the package alone is the service"
    printed(f"{here} --constraint {ROOT / 'requirements.txt'}", folder)
    printed("\n".join(SERVE.splitlines()[:2]), folder)
    return folder


@pytest.fixture
def example(checkout: Path, tmp_path: Path) -> Path:
    """A copy of the folder with the model, in which it may be broken."""
    return shutil.copytree(checkout / "examples" / "iris", tmp_path / "iris")


def model_service(checkout: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(checkout / "build" / "iris" / "bin" / "model-service"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def serving(checkout: Path, folder: Path) -> AbstractContextManager[Service]:
    command = [str(checkout / "build" / "iris" / "bin" / "model-service")]
    return running(folder, None, command=command, cwd=folder)


def test_the_example_has_the_files_of_the_page() -> None:
    folder = Path("examples/iris")
    present = {str(folder / path.name) for path in (ROOT / folder).iterdir() if path.is_file()}

    assert present - {str(folder / "iris.joblib")} == {*FILES}


def test_the_page_counts_the_lines_of_the_files() -> None:
    written = [FILES[f"examples/iris/{name}"] for name in ("iris_model.py", "rest_config.yaml", "Dockerfile")]
    lines = [line for content in written for line in content.splitlines() if line.strip()]

    assert f"| {len(lines)} |" in GUIDE.read_text()
    assert f"the overlay of {FILES['examples/iris/kustomization.yaml'].count(chr(10))} lines" in GUIDE.read_text()


def test_the_check_prints_what_the_page_shows(checkout: Path, example: Path) -> None:
    done = model_service(checkout, example, "--check")

    assert [done.stdout] == blocks(GUIDE, "text"), done.stderr
    assert SERVE.splitlines()[2].endswith("/model-service --check")


def test_the_help_names_the_command_and_no_credit(checkout: Path, example: Path) -> None:
    shown = model_service(checkout, example, "--help").stdout

    assert shown.startswith("usage: model-service ")
    assert "rest_config.yaml" in shown
    assert not re.search("credit|loan", shown, re.IGNORECASE)


def test_the_model_answers_as_shown_and_stops(checkout: Path, example: Path) -> None:
    [probe, request_] = [block for block in blocks(GUIDE, "sh") if SERVED in block]
    [answer] = [block for block in blocks(GUIDE, "json") if block not in FILES.values()]

    with serving(checkout, example) as service:
        until(lambda: service.statuses() == (200, 200, 200), "ready")
        address = str(service.client.base_url).rstrip("/")
        assert printed(probe.replace(SERVED, address), checkout).startswith("HTTP/1.1 200")
        assert printed(request_.replace(SERVED, address), checkout) == answer.strip()
        wrong = service.client.post("/api/models/iris/prediction", json={"sepal_length": -1})
        assert wrong.status_code == 400
        assert "sepal_length: Input should be greater than 0" in wrong.json()["messages"]
        service.drain()
        assert service.process.wait(timeout=60) == 0


def test_a_broken_file_is_a_failed_load_with_its_cause_in_the_log(checkout: Path, example: Path) -> None:
    (example / "iris.joblib").write_bytes(b"no model")

    with serving(checkout, example) as service:
        until(lambda: service.statuses() == (503, 503, 200), "load failed")
        assert "iris_model.py" in service.log
        service.signal(signal.SIGTERM)
        assert service.process.wait(timeout=60) == 1


def test_the_check_names_what_a_class_lacks(checkout: Path, example: Path) -> None:
    module = example / "iris_model.py"
    module.write_text(re.sub(r"    version = .*\n", "", module.read_text()))

    done = model_service(checkout, example, "--check")

    assert done.returncode == 1
    assert done.stderr == "rest_config.yaml: models[0].class_path: 'iris_model.IrisModel' lacks version.\n"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("", ""),
        ("predict = lambda self, data: Species(species='', probability=0.9)", "ValueError: expected 0.98, got 0.9"),
        ("predict = lambda self, data: Species(species='', probability='nan')", "ValueError: expected 0.98, got nan"),
    ],
    ids=["trained", "wrong", "nan"],
)
def test_the_self_check_of_the_page_finds_a_wrong_model(checkout: Path, example: Path, change: str, error: str) -> None:
    [method] = [block for block in blocks(GUIDE, "python") if "def self_check" in block]
    with (example / "iris_model.py").open("a") as module:
        module.write(textwrap.indent(f"\n{method}\n{change}\n", "    "))

    done = subprocess.run(
        [
            checkout / "build" / "iris" / "bin" / "python",
            "-c",
            "import iris_model; iris_model.IrisModel().self_check()",
        ],
        cwd=example,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.stderr.splitlines()[-1:] == ([error] if error else [])


@needs_kubectl
def test_the_overlay_is_valid_and_has_its_own_names_and_labels(checkout: Path) -> None:
    manifests = built(checkout / "examples" / "iris")

    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES_VERSIONS[-1], strict=True)
    deployment, service = one("Deployment", manifests), one("Service", manifests)
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    configuration = one("ConfigMap", manifests)
    label = {"app.kubernetes.io/name": "iris"}
    assert [found for found in _selectors(manifests) if not label.items() <= found.items()] == []
    version = "app.kubernetes.io/version"
    labels = deployment["metadata"]["labels"], deployment["spec"]["template"]["metadata"]["labels"]
    assert [found[version] for found in labels] == [container["image"].rpartition(":")[2]] * 2
    assert [found for found in _selectors(manifests) if version in found] == []
    assert deployment["metadata"]["name"] == service["metadata"]["name"] == "iris"
    assert (
        deployment["spec"]["template"]["spec"]["serviceAccountName"]
        == one("ServiceAccount", manifests)["metadata"]["name"]
    )
    assert container["image"] in " ".join(commands(GUIDE)), "the page builds another image"
    assert configuration["data"]["rest_configuration.yaml"] == FILES["examples/iris/rest_config.yaml"]
    mounted = [
        volume["configMap"]["name"]
        for volume in deployment["spec"]["template"]["spec"]["volumes"]
        if "configMap" in volume
    ]
    assert mounted == [configuration["metadata"]["name"]]


def _selectors(content: Any) -> list[dict[str, str]]:
    """Return all selectors of pods in the manifests."""
    if isinstance(content, list):
        return [found for item in content for found in _selectors(item)]
    if not isinstance(content, dict):
        return []
    found = [
        value.get("matchLabels", value)
        for key, value in content.items()
        if key in ("selector", "labelSelector", "podSelector")
    ]
    return found + _selectors([*content.values()])


def test_the_cluster_commands_name_the_namespace_and_the_folder_of_the_overlay() -> None:
    shown = [line for line in commands(GUIDE) if line.startswith("kubectl")]
    namespace = yaml.safe_load(FILES["examples/iris/kustomization.yaml"])["namespace"]

    assert shown == [f"kubectl create namespace {namespace}", "kubectl apply -k examples/iris"]


@needs_kubectl
def test_the_patches_of_the_page_fit_the_overlay(checkout: Path) -> None:
    [part] = [part for part in PARTS if "patches" in part]
    kustomization = yaml.safe_load(FILES["examples/iris/kustomization.yaml"])
    kustomization["patches"] += part["patches"]
    folder = shutil.copytree(checkout / "examples" / "iris", checkout / "examples" / "patched")
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))

    deployment = one("Deployment", built(folder))
    spec = deployment["spec"]
    [container] = spec["template"]["spec"]["containers"]

    assert deployment["metadata"]["name"] == "iris"
    assert fitting(spec, Needs(start=3 * 136, stay_ready=136 + 3, slowest=1, memory=3_200), ENDING) == spec
    probe = container["startupProbe"]
    assert spec["progressDeadlineSeconds"] > probe["failureThreshold"] * probe["periodSeconds"] >= 3 * 136
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"] == "3200Mi"


@pytest.mark.parametrize("part", [part for part in PARTS if "models" in part], ids=str)
def test_a_configuration_of_the_page_is_valid(
    part: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "iris_model.py").write_text(FILES["examples/iris/iris_model.py"])
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "rest_config.yaml"
    path.write_text(yaml.safe_dump(part))

    limits = read(path, {}).limits(0)

    if limits.running == 1:
        assert f"{limits.running + limits.waiting} predictions take 9.5 s, less than" in GUIDE.read_text()
        assert (limits.running + limits.waiting) / limits.running * 0.5 < limits.answer_seconds


def test_the_model_of_numpy_alone_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [methods] = [block for block in blocks(GUIDE, "python") if "numpy.load" in block]
    monkeypatch.chdir(tmp_path)
    np.save("weights.npy", [2.0, 3.0])

    class Input(BaseModel):
        width: float
        height: float

    class Output(BaseModel):
        value: float

    names: dict[str, Any] = {"numpy": np, "Input": Input, "Output": Output}
    exec(methods, names)
    model = type("Linear", (), {name: names[name] for name in ("__init__", "predict")})()

    assert model.predict(Input(width=10, height=1)) == Output(value=23)
