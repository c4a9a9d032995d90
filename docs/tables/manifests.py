"""Writes what is generated in kubernetes/: the plain manifests, and the digests of the artifacts."""

import hashlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from benchmarks.results import ROOT
from credit_risk_model import artifact

KUBERNETES = ROOT / "kubernetes"
PLAIN = KUBERNETES / "model_service.yaml"
BASE = KUBERNETES / "base" / "model_service.yaml"
CONFIGURATION = ROOT / "configuration" / "rest_configuration.yaml"
NAMESPACE = "model-services"
ARTIFACTS = {"CREDIT_RISK_": artifact.PACKAGED, "CREDIT_RISK_ON_BOOK_": artifact.PACKAGED_ON_BOOK}

HEAD = """# `make docs` writes this file from base/ and configuration/. docs/operations.md explains the figures.
apiVersion: v1
kind: ConfigMap
metadata:
  name: model-service-configuration
  labels:
    app.kubernetes.io/name: credit-risk-model-service
data:
  {name}: |
{content}---
"""


def plain() -> str:
    """Return the manifests of the base with their namespace and configuration, for `kubectl create -f`."""
    content = textwrap.indent(CONFIGURATION.read_text(), "    ")
    base = re.sub("^#.*\n", "", BASE.read_text())
    manifests = HEAD.format(name=CONFIGURATION.name, content=content) + base
    return re.sub("^(metadata:\n  name: .*\n)", rf"\1  namespace: {NAMESPACE}\n", manifests, flags=re.MULTILINE)


def pinned() -> Iterator[tuple[Path, str]]:
    """Yield each kustomization that pins an artifact, and its text with the digests of the shipped artifacts."""
    for path in sorted(KUBERNETES.rglob("kustomization.yaml")):
        text = path.read_text()
        for prefix, file in ARTIFACTS.items():
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            text = re.sub(rf"(name: {prefix}ARTIFACT_SHA256\n +value: )\w+", rf"\g<1>{digest}", text)
        yield path, text


def main() -> None:
    """Write the files."""
    PLAIN.write_text(plain())
    for path, text in pinned():
        path.write_text(text)


if __name__ == "__main__":
    main()
