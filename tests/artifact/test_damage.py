"""Damaged artifacts with correct digests are refused, or they answer. None crashes, hangs or fills the memory."""

import os
from pathlib import Path

import pytest

from tests.artifact import damage

SEED = int(os.environ.get("DAMAGE_SEED", "14"))
CASES = int(os.environ.get("DAMAGE_CASES", "100"))


@pytest.mark.parametrize("kind", ["text", "pickle", "zip"])
def test_a_damaged_artifact_is_refused_or_answers(kind: str) -> None:
    outcomes = damage.run(kind, SEED, 0, CASES, trees=6)

    bad = {case: result for case, result in outcomes.items() if not result.startswith(("answers", "refused: "))}
    assert not bad
    assert len(outcomes) == CASES
    # A model still answers if the damaged bytes are never read. Most damage is found.
    assert sum(result.startswith("refused: ") for result in outcomes.values()) > CASES / 4


def test_zip_bombs_are_refused_within_the_memory_limit(tmp_path: Path) -> None:
    bombs = [
        ("model.joblib", b"\x80\x04K\x01r\xff\xff\xff\x0f."),  # a memo of 2 GiB
        ("model.joblib", b"\x80\x04\x95\xff\xff\xff\x7f" + bytes(4) + b"N."),  # a frame of 2 GiB
        ("metadata.json", b"[" * 1_000_000),
        ("metadata.json", None),
        ("model.joblib", None),
    ]
    paths = [damage.bomb(tmp_path / f"{number}.zip", *each) for number, each in enumerate(bombs)]

    results = damage.outcomes_in_child(paths)

    assert len(results) == len(bombs), results
    for (name, _), result in zip(bombs, results, strict=True):
        assert result.startswith("refused: "), result
        assert name in result


def test_malformed_model_texts_of_14_mib_are_refused_within_the_memory_limit(tmp_path: Path) -> None:
    text = damage.model_text(damage.needed()["model.joblib"])
    start = text.index(b"num_leaves=")
    numbers = b"num_leaves=131072\nnum_cat=0\nsplit_feature=" + b"1 " * 5_000_000
    paths: list[Path] = []
    for repeated in (b" ", b"\n", b"\n\n\nTree=", b"=", numbers):
        grown = text[:start] + repeated * ((14 << 20) // len(repeated)) + text[start:]
        path = tmp_path / f"{len(paths)}.zip"
        paths.append(damage.bomb(path, "model.joblib", damage.pickled(grown)))

    results = damage.outcomes_in_child(paths)

    assert len(results) == len(paths), results
    for result in results:
        assert result.startswith("refused: 'model.joblib'"), result
        assert "tree 0" in result
