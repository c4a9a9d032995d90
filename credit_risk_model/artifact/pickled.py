"""Extracts the text of a LightGBM model from its pickle without unpickling anything."""

import re

# Every pickle of a `lightgbm.Booster` with protocol 4 or 5 starts like this: the class (\x93), an instance of it
# (\x81), and the first key of its state. A string (X) with its length (4 bytes, little endian) follows: the text of the
# model. The rest is ignored; the standard library's `pickletools` shows it. The opcodes \x95 (size of a frame) and \x94
# (memoize) do not matter here.
_START = re.compile(
    rb"\x80[\x04\x05]\x95.{8}"
    rb"\x8c\x0elightgbm\.basic\x94\x8c\x07Booster\x94\x93\x94"
    rb"\)\x81\x94\}\x94\(\x8c\x07_handle\x94"
    rb"(?:\x95.{8})?X(.{4})",
    re.DOTALL,
)


def model_text(content: bytes) -> bytes:
    """Return the text of the pickled model.

    `pickle` would execute the bytes and allocate the memory that they ask for. This function only takes a slice.

    Raises:
        ValueError: `content` is not the pickle of a LightGBM model.
    """
    start = _START.match(content)
    if start is None:
        raise ValueError(f"it does not start like the pickle of a LightGBM model, but with {content[:60]!r}")
    text = content[start.end() :][: int.from_bytes(start[1], "little")]
    if len(text) != int.from_bytes(start[1], "little"):
        raise ValueError("its pickle ends before its text")
    return text
