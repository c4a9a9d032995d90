"""The documents for people, with their links and commands."""

import re
from pathlib import Path

from tests.conftest import ROOT

README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *PAGES]


def blocks(path: Path, *languages: str) -> list[str]:
    """Return the contents of the code blocks in these languages, in the order of the page."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    return [content for language, content in found if language in languages]


def files(path: Path) -> dict[str, str]:
    """Return the files that the page shows, by their paths in the checkout."""
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL))


def commands(path: Path) -> list[str]:
    """Return the lines of the shell blocks, without their comments."""
    lines = [line for block in blocks(path, "sh", "bash") for line in block.splitlines()]
    return [re.sub(r"\s+#.*", "", line) for line in lines]


def links(path: Path) -> list[str]:
    """Return the targets of the links and pictures, without those on the web."""
    return re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text())


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.*)", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
