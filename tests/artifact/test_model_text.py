"""Every kind of damage in the text of a model is refused before LightGBM reads the text."""

import re
from collections.abc import Callable

import lightgbm
import numpy as np
import pytest

from credit_risk_model.artifact.model_text import ModelTextError, checked
from credit_risk_model.features import LOAN
from tests.artifact.damage import model_text, shortened


@pytest.fixture(scope="module")
def text() -> bytes:
    """The text of a model of three trees."""
    return model_text(shortened(3)["model.joblib"])


def refusal(text: bytes) -> str:
    with pytest.raises(ModelTextError) as caught:
        checked(text, LOAN.specification())
    return str(caught.value)


def replaced(text: bytes, key: str, change: Callable[[list[str]], list[str]]) -> bytes:
    """Return the text with the numbers of a line of its first tree changed."""
    line = re.search(rf"\n{key}=(.*)".encode(), text)
    assert line
    numbers = " ".join(change(line[1].decode().split(" "))).encode()
    return text[: line.start(1)] + numbers + text[line.end(1) :]


def test_a_checked_model_predicts_the_same(text: bytes) -> None:
    rows = np.random.default_rng(1).uniform(-5, 20_000, (500, len(LOAN)))
    rows[:, [4, 5, 11, 13, 15]] = np.random.default_rng(1).integers(-1, 20, (500, 5))

    ours, theirs = (
        lightgbm.Booster(model_str=checked(text, LOAN.specification())),
        lightgbm.Booster(model_str=text.decode()),
    )

    assert np.array_equal(np.asarray(ours.predict(rows)), np.asarray(theirs.predict(rows)))
    assert ours.feature_importance("gain").tolist() == theirs.feature_importance("gain").tolist()
    assert ours.pandas_categorical == theirs.pandas_categorical


def test_the_sizes_of_the_trees_are_removed(text: bytes) -> None:
    assert "tree_sizes" not in checked(text.replace(b"tree_sizes=", b"tree_sizes=1"), LOAN.specification())


def test_the_line_of_monotone_constraints_is_accepted(text: bytes) -> None:
    constrained = text.replace(b"\nfeature_infos", b"\nmonotone_constraints=" + b"1 0 -1 " * 5 + b"0\nfeature_infos")

    assert "monotone_constraints" in checked(constrained, LOAN.specification())


@pytest.mark.parametrize(
    ("key", "number"),
    [
        ("leaf_value", "nan"), ("leaf_value", "inf"), ("leaf_value", "1e999"), ("leaf_value", "10000"),
        ("threshold", "nan"), ("threshold", "1e999"), ("threshold", ""), ("threshold", "1_0"), ("threshold", "0x1"),
        ("split_feature", "16"), ("split_feature", "-1"), ("split_feature", "2147483648"), ("split_feature", "1.5"),
        ("decision_type", "12"), ("decision_type", "3"), ("decision_type", "-1"), ("decision_type", "258"),
        ("left_child", "128"), ("left_child", "-129"), ("left_child", "0"), ("left_child", "99999999999999999999"),
        ("leaf_count", "0"), ("internal_count", "-5"), ("split_gain", "-inf"), ("internal_weight", "e"),
        ("cat_boundaries", "5"), ("cat_threshold", "4294967296"), ("shrinkage", "nan"), ("is_linear", "1"),
        ("num_leaves", "127"), ("num_leaves", "1"), ("num_leaves", "2000000000"), ("num_cat", "-1"), ("num_cat", "0"),
    ],
)  # fmt: skip
def test_a_wrong_number_is_refused(text: bytes, key: str, number: str) -> None:
    message = refusal(replaced(text, key, lambda numbers: [number, *numbers[1:]]))

    assert message.startswith("tree 0: ")


@pytest.mark.parametrize(
    "key", ["split_feature", "threshold", "left_child", "leaf_value", "leaf_count", "internal_value"]
)
def test_a_missing_or_additional_number_is_refused(text: bytes, key: str) -> None:
    assert "numbers" in refusal(replaced(text, key, lambda numbers: numbers[:-1]))
    assert "numbers" in refusal(replaced(text, key, lambda numbers: [*numbers, "1"]))


def test_a_cycle_is_refused(text: bytes) -> None:
    """A node that is its own child hangs a prediction, although every node still has exactly one parent."""

    def swap_a_leaf_with_the_root_of_its_tree(numbers: list[str]) -> list[str]:
        # Node 1 becomes its own left child, and the leaf that was there becomes the left child of the root.
        assert numbers[0] == "1"
        return [numbers[1], "1", *numbers[2:]]

    assert "own descendant" in refusal(replaced(text, "left_child", swap_a_leaf_with_the_root_of_its_tree))


def test_a_leaf_with_two_parents_is_refused(text: bytes) -> None:
    def repeat(numbers: list[str]) -> list[str]:
        leaves = [position for position, number in enumerate(numbers) if int(number) < 0]
        numbers[leaves[0]] = numbers[leaves[1]]
        return numbers

    assert "exactly one node" in refusal(replaced(text, "left_child", repeat))


def test_a_categorical_node_with_an_unknown_set_of_categories_is_refused(text: bytes) -> None:
    decisions = re.search(rb"\ndecision_type=(.*)", text)
    assert decisions
    node = decisions[1].split(b" ").index(b"1")

    for wrong in ("13", "-1", "0.5", "99999999999999"):
        changed = replaced(text, "threshold", lambda numbers, n=wrong: [*numbers[:node], n, *numbers[node + 1 :]])  # type: ignore[misc]
        assert "set of categories" in refusal(changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"objective=binary sigmoid:1", b"objective=binary sigmoid:2"),
        (b"objective=binary sigmoid:1", b"objective=regression"),
        (b"num_class=1", b"num_class=2"),
        (b"num_tree_per_iteration=1", b"num_tree_per_iteration=0"),
        (b"version=v4", b"version=v3"),
        (b"max_feature_idx=15", b"max_feature_idx=2000000000"),
        (b"\nfeature_infos=", b"\naverage_output\nfeature_infos="),
        (b"\nfeature_infos=[", b"\nfeature_infos=0 ["),
        (b"Tree=1\n", b"Tree=2\n"),
        (b"is_linear=0\n", b"is_linear=0\nleaf_const=0\n"),
        (b"shrinkage=1\n", b"shrinkage\n"),
        (b"end of trees", b"end"),
        (b"feature_names=AnnualIncome", b"feature_names=Income"),
        (b'"MORTGAGE", "RENT"', b'"RENT", "MORTGAGE"'),
        (b"pandas_categorical:[", b"pandas_categorical:" + b"[" * 10_000),
        (b"pandas_categorical:", b"pandas_categorical:5"),
        (b"tree\n", b"tree\0\n"),
        (b"end of parameters", "ä".encode()),
    ],
)  # fmt: skip
def test_another_kind_of_model_is_refused(text: bytes, old: bytes, new: bytes) -> None:
    assert old in text

    refusal(text.replace(old, new, 1))


def test_a_tree_that_is_too_deep_to_explain_is_refused(text: bytes) -> None:
    leaves = 600
    chain = "\n".join(
        [
            "Tree=0", f"num_leaves={leaves}", "num_cat=0", "split_feature=" + " ".join(["0"] * (leaves - 1)),
            *(f"{key}=" + " ".join(["1"] * (leaves - 1)) for key in ("split_gain", "threshold")),
            "decision_type=" + " ".join(["2"] * (leaves - 1)),
            "left_child=" + " ".join(str(-1 - node) for node in range(leaves - 1)),
            "right_child=" + " ".join([*(str(node + 1) for node in range(leaves - 2)), str(-leaves)]),
            *(f"{key}=" + " ".join(["1"] * leaves) for key in ("leaf_value", "leaf_weight", "leaf_count")),
            *(f"internal_{key}=" + " ".join(["1"] * (leaves - 1)) for key in ("value", "weight", "count")),
            "is_linear=0", "shrinkage=1",
        ]
    ).encode()  # fmt: skip
    start, end = text.index(b"Tree=0"), text.index(b"\n\n\nend of trees")

    assert "nodes deep" in refusal(text[:start] + chain + text[end:])
