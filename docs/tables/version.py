"""Writes the version of the package to the files that repeat it: `python -m docs.tables.version`."""

import re
from pathlib import Path

from benchmarks.results import ROOT
from credit_risk_model import __version__

_VERSION = re.compile(
    r'(credit_risk_model_(?:service|scoring):|image\.version="|^ *(?:app\.kubernetes\.io/)?version: ")\d+\.\d+\.\d+',
    re.MULTILINE,
)


def files() -> list[Path]:
    """Return the files that may repeat the version."""
    folders = [ROOT / "configuration", ROOT / "kubernetes", ROOT / "docs"]
    found = [path for folder in folders for kind in ("*.md", "*.yaml") for path in folder.rglob(kind)]
    found.remove(ROOT / "docs" / "your-model.md")  # shows a model with a version of its own
    return sorted([*found, ROOT / "README.md", ROOT / "Dockerfile", ROOT / "compose.yaml"])


def renewed(text: str, version: str = __version__) -> str:
    """Return the text of a file with this version of the package, its images and its manifests."""
    return _VERSION.sub(rf"\g<1>{version}", text)


def main() -> None:
    """Write the version of the package to all files."""
    for path in files():
        text = path.read_text()
        if renewed(text) != text:
            path.write_text(renewed(text))


if __name__ == "__main__":
    main()
