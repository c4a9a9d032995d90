"""Damaged artifacts with right digests: each is refused, or answers. None crashes, hangs or fills memory."""

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
    # Damage that nothing reads leaves a model that answers; most damage is found.
    assert sum(result.startswith("refused: ") for result in outcomes.values()) > CASES / 4


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.joblib", b"\x80\x04K\x01r\xff\xff\xff\x0f."),  # a memo of 2 GiB
        ("model.joblib", b"\x80\x04\x95\xff\xff\xff\x7f" + bytes(4) + b"N."),  # a frame of 2 GiB
        ("metadata.json", b"[" * 1_000_000),
        ("metadata.json", None),
        ("model.joblib", None),
    ],
    ids=["memo", "frame", "nested", "zeros as metadata", "zeros as model"],
)
def test_a_bomb_is_refused_within_bounded_memory(tmp_path: Path, name: str, content: bytes | None) -> None:
    result = damage.load_in_child(damage.bomb(tmp_path / "1.zip", name, content))

    assert result.startswith("refused: "), result


@pytest.mark.parametrize(
    "repeated",
    [b" ", b"\n", b"\n\n\nTree=", b"=", b"num_leaves=131072\nnum_cat=0\nsplit_feature=" + b"1 " * 5_000_000],
    ids=["spaces", "lines", "trees", "signs", "numbers"],
)
def test_a_model_text_of_the_largest_size_is_refused_within_bounded_memory(tmp_path: Path, repeated: bytes) -> None:
    text = damage.model_text(damage.needed()["model.joblib"])
    start = text.index(b"num_leaves=")
    grown = text[:start] + repeated * ((14 << 20) // len(repeated)) + text[start:]

    result = damage.load_in_child(damage.bomb(tmp_path / "1.zip", "model.joblib", damage.pickled(grown)))

    assert result.startswith("refused: 'model.joblib'"), result
    assert "tree 0" in result
