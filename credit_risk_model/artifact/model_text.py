"""Checks the text of a LightGBM model completely before LightGBM reads it.

LightGBM trusts the text: an index out of range crashes the process, and a cycle makes a prediction run for ever. Its
source code defines the format: `GBDT::SaveModelToString` and `Tree::ToString` write it, `GBDT::LoadModelFromString` and
`Tree::Tree(const char*, size_t*)` read it.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit_risk_model.artifact.layout import difference, shown

# 131,072 leaves is LightGBM's own limit. The other limits are far above what training produces. The time and memory of
# an explanation grow with the square of the depth.
_MOST_LEAVES, _MOST_TREES, _DEEPEST = 131_072, 100_000, 512
_LONGEST_HEAD = 64 * 1024

_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of `decision_type`; 4 and 8 give the coding of missing values
_DECISIONS = {missing | left for missing in (0, 4, 8) for left in (0, _DEFAULT_LEFT)}
_DECISIONS |= {decision | _CATEGORICAL for decision in _DECISIONS}


def _list_of(number: bytes) -> re.Pattern[bytes]:
    return re.compile(b"%b(?: %b)*+" % (number, number))


# Numbers as `%.17g` prints them. The patterns limit the values: an exponent is at most 300, the value of a leaf is
# below 1e4 in log-odds, and a whole number is below 1e9, so that it fits into 32 bits.
_REAL = _list_of(rb"-?[0-9]{1,17}(?:\.[0-9]{1,24})?(?:e(?:-[0-9]{2,3}|\+[0-9]{2}|\+[12][0-9]{2}|\+300))?")
_LEAF = _list_of(rb"-?[0-9]{1,4}(?:\.[0-9]{1,24})?(?:e-[0-9]{2,3})?")
_INDEX = _list_of(rb"-?[0-9]{1,9}")
_COUNT = _list_of(rb"[1-9][0-9]{0,8}")
_WORD = _list_of(rb"[0-9]{1,10}")  # 32 bits, one per category

# The lines of a tree in their order, each with the pattern of its numbers and the key of their count.
_LINES: dict[bytes, tuple[re.Pattern[bytes], str]] = {
    b"num_leaves": (_COUNT, "one"),
    b"num_cat": (_INDEX, "one"),
    b"split_feature": (_INDEX, "nodes"),
    b"split_gain": (_REAL, "nodes"),
    b"threshold": (_REAL, "nodes"),
    b"decision_type": (_INDEX, "nodes"),
    b"left_child": (_INDEX, "nodes"),
    b"right_child": (_INDEX, "nodes"),
    b"leaf_value": (_LEAF, "leaves"),
    b"leaf_weight": (_REAL, "leaves"),
    b"leaf_count": (_COUNT, "leaves"),
    b"internal_value": (_REAL, "nodes"),
    b"internal_weight": (_REAL, "nodes"),
    b"internal_count": (_COUNT, "nodes"),
    b"cat_boundaries": (_INDEX, "boundaries"),
    b"cat_threshold": (_WORD, "words"),
    b"is_linear": (_INDEX, "one"),
    b"shrinkage": (_REAL, "one"),
}


class ModelTextError(ValueError):
    """The text is not a well-formed model of this project."""


def checked(text: bytes, features: Sequence[dict[str, Any]]) -> str:
    """Check the text of a model for these features, and return the part of it that LightGBM needs.

    Every returned line was checked. The sizes of the trees are removed, because LightGBM would use them to jump. The
    importances and the parameters of the training are removed too, because predictions do not need them.

    Raises:
        ModelTextError: the text is malformed, or the model is of another kind or for other features.
    """
    if not text.isascii():
        raise ModelTextError("it is not ASCII")
    head, _, rest = text.partition(b"\n\nTree=")
    body, end, tail = rest.partition(b"\n\n\nend of trees\n")
    if not end:
        raise ModelTextError("it has no trees, or does not end")
    head, _, _ = head.partition(b"\ntree_sizes=")
    categories = tail.rpartition(b"\npandas_categorical:")[2]
    _check_head(head, categories, features)
    categorical = np.array([feature["categories"] is not None for feature in features])
    for number, tree in enumerate(body.split(b"\n\n\nTree=", _MOST_TREES)):
        try:
            _check_tree(number, tree, categorical)
        except ValueError as error:
            raise ModelTextError(f"tree {number}: {error}") from error
    checked_parts = (head, b"\n\nTree=", body, b"\n\n\nend of trees\n\npandas_categorical:", categories)
    return b"".join(checked_parts).decode()


def _check_head(head: bytes, categories: bytes, features: Sequence[dict[str, Any]]) -> None:
    """Check the lines before the trees, and the line of the categories after them."""
    if max(len(head), len(categories)) > _LONGEST_HEAD:
        raise ModelTextError(f"its features take more than {_LONGEST_HEAD:,} bytes")
    kind, _, described = head.decode().partition("\nfeature_names=")
    expected = (
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
        f"max_feature_idx={described.partition(chr(10))[0].count(' ')}\nobjective=binary sigmoid:1"
    )
    if kind != expected:
        raise ModelTextError(f"it is another kind of model: it starts {shown(kind)}, expected {expected!r}")
    names, *others = described.split("\n")
    try:
        levels = iter(json.loads(categories) or [])
    except (ValueError, RecursionError, TypeError) as error:
        raise ModelTextError(f"its categories are {shown(categories)}, expected JSON") from error
    # LightGBM stores the categories separately from the names, in the order of the categorical columns.
    categorical = {feature["name"] for feature in features if feature["categories"] is not None}
    found = [
        {"name": name, "categories": next(levels, None) if name in categorical else None} for name in names.split(" ")
    ]
    if found != features:
        raise ModelTextError(f"it was {difference(found, features)}")
    each = len(features) - 1
    # Training may add a line of monotone constraints: -1, 0 or 1 for each feature.
    if not re.fullmatch(
        rf"(monotone_constraints=-?[01]( -?[01]){{{each}}};)?feature_infos=[^\s=;]+( [^\s=;]+){{{each}}}",
        ";".join(others),
    ):
        raise ModelTextError(f"the lines after the names of its features are {shown(others)}")


def _check_tree(number: int, tree: bytes, categorical: NDArray[np.bool_]) -> None:
    """Check that the lines of a tree are complete, and that its nodes form a binary tree."""
    found, *lines = tree.split(b"\n", len(_LINES) + 1)
    if found != str(number).encode():
        raise ModelTextError(f"its number is {shown(found)}")
    pairs = [line.partition(b"=") for line in lines]
    values = {key: value for key, _, value in pairs}
    expected = [key for key in _LINES if values.get(b"num_cat") != b"0" or not key.startswith(b"cat_")]
    if [(key, equals) for key, equals, _ in pairs] != [(key, b"=") for key in expected]:
        raise ModelTextError(f"its lines are {shown([line[:20] for line in lines])}")
    leaves, categories = int(values[b"num_leaves"][:9]), int(values[b"num_cat"][:9])
    if not 2 <= leaves <= _MOST_LEAVES or not 0 <= categories < leaves:
        raise ModelTextError(f"it has {leaves} leaves and {categories} categorical nodes")
    words = int(values[b"cat_boundaries"].rpartition(b" ")[2][:9]) if categories else 0
    counts = {"one": 1, "leaves": leaves, "nodes": leaves - 1, "boundaries": categories + 1, "words": words}
    for key in expected:
        form, of = _LINES[key]
        if values[key].count(b" ") + 1 != counts[of] or not form.fullmatch(values[key]):
            raise ModelTextError(f"{key.decode()} is {shown(values[key])}, expected {counts[of]} numbers")
    if values[b"is_linear"] != b"0":
        raise ModelTextError("its leaves are linear models")
    whole = {key: _whole(values[key]) for key in expected if _LINES[key][0] in (_INDEX, _WORD)}
    _check_binary(whole[b"left_child"], whole[b"right_child"], leaves)
    features, decisions = whole[b"split_feature"], whole[b"decision_type"]
    if features.min() < 0 or features.max() >= len(categorical):
        raise ModelTextError(f"split_feature is up to {features.max()} for {len(categorical)} features")
    if not set(decisions.tolist()) <= _DECISIONS or not np.array_equal(decisions & 1 == 1, categorical[features]):
        raise ModelTextError("decision_type does not fit the features")
    if categories:
        thresholds = values[b"threshold"].split(b" ")
        sets = [thresholds[node] for node in np.flatnonzero(decisions & 1)]
        _check_categories(sets, whole[b"cat_boundaries"], whole[b"cat_threshold"])


def _check_binary(left: NDArray[np.int64], right: NDArray[np.int64], leaves: int) -> None:
    """Check that every leaf (-1 and below) and every node except the root is the child of exactly one node."""
    children = np.concatenate([left, right])
    parents = np.tile(np.arange(leaves - 1), 2)
    if not np.array_equal(np.sort(children), np.delete(np.arange(-leaves, leaves - 1), leaves)):
        raise ModelTextError("a leaf or node is not the child of exactly one node")
    # LightGBM numbers a node when it splits a leaf, so children have higher numbers; this excludes cycles.
    if np.any((children >= 0) & (children <= parents)):
        raise ModelTextError("a node is its own descendant")
    depths = [1] * (leaves - 1)
    for parent, pair in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        for child in pair:
            if child > 0:
                depths[child] = depths[parent] + 1
    if max(depths) > _DEEPEST:
        raise ModelTextError(f"it is {max(depths)} nodes deep, the limit is {_DEEPEST}")


def _check_categories(sets: list[bytes], boundaries: NDArray[np.int64], words: NDArray[np.int64]) -> None:
    """Check that every categorical node refers to a set of categories, and every set to words of `cat_threshold`."""
    if boundaries[0] != 0 or np.any(np.diff(boundaries) < 1):
        raise ModelTextError(f"cat_boundaries is {shown(boundaries.tolist())}, expected ascending numbers from 0")
    if words.max() >= 2**32:
        raise ModelTextError(f"cat_threshold has {words.max()}, expected at most 32 bits")
    if any(not number.isdigit() or int(number[:9]) >= len(boundaries) - 1 for number in sets):
        raise ModelTextError("the threshold of a categorical node is not the number of a set of categories")


def _whole(numbers: bytes) -> NDArray[np.int64]:
    """Parse whole numbers whose pattern was checked."""
    return np.fromstring(numbers.decode(), np.int64, sep=" ")
