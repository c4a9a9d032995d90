"""The links and paths in the documents exist."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.documents import DOCUMENTS, PAGES, README, anchors, links

INDEX = (ROOT / "docs" / "index.md").read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_target_of_every_link_exists(path: Path) -> None:
    for link in links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name) if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_index_has_every_page(path: Path) -> None:
    assert path.name == "index.md" or f"]({path.name})" in INDEX


def test_every_path_of_the_folders_exists() -> None:
    rows = re.findall(r"^\| (`.*?) \|", INDEX[INDEX.index("## The folders") :], re.MULTILINE)
    paths = [path for row in rows for path in re.findall(r"`([^`]+)`", row)]

    assert len(paths) > 15
    missing = [path for path in paths if not any((ROOT / base / path).exists() for base in ("", "credit_risk_model"))]
    assert missing == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text().split()) <= 900


def test_the_two_commands_come_before_everything_else_in_the_readme() -> None:
    text = README.read_text()
    first, second = re.findall(r"^make (\w+)", text, re.MULTILINE)[:2]

    assert (first, second) == ("serve", "test")
    assert text.index("```sh\nmake serve") < text.index("```sh\ncurl") < text.index("## Your own model")
