"""Reads the manifests."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

KUBERNETES = ROOT / "kubernetes"
OVERLAY = KUBERNETES / "overlays" / "production"
MONITORING = KUBERNETES / "components" / "monitoring"
KUBECTL = shutil.which("kubectl")
Manifest = dict[str, Any]


def read(path: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(path.read_text()))


def one(kind: str, manifests: list[Manifest]) -> Manifest:
    [found] = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


def built(folder: Path) -> list[Manifest]:
    """Return the manifests that `kubectl kustomize` builds from a folder, which needs no cluster."""
    assert KUBECTL is not None
    return list(yaml.safe_load_all(subprocess.check_output([KUBECTL, "kustomize", str(folder)], text=True)))


def built_from(**folders: list[Path]) -> list[Manifest]:
    """Return the manifests that a kustomization builds with these `resources` or `components`."""
    with tempfile.TemporaryDirectory() as folder:  # kustomize takes only relative paths
        names = {
            key: [os.path.relpath(path, Path(folder).resolve()) for path in paths] for key, paths in folders.items()
        }
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(names))
        return built(Path(folder))


PLAIN = read(KUBERNETES / "namespace.yaml") + read(KUBERNETES / "model_service.yaml")
DEPLOYMENT = one("Deployment", PLAIN)["spec"]
POD = DEPLOYMENT["template"]["spec"]
CONTAINER = POD["containers"][0]
ENVIRONMENT = {variable["name"]: variable["value"] for variable in CONTAINER["env"]}
