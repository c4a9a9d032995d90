"""The text of a LightGBM model, taken from its pickle without unpickling anything."""

import re

# How every pickle of a `lightgbm.Booster` with protocol 4 or 5 starts: the class (\x93), an instance of it (\x81), and
# the first key of its state; then a string (X) with its length (4 bytes, little endian), which is the text of the
# model. The standard library's `pickletools` shows the rest, which is ignored. \x95 announces the size of what follows,
# \x94 numbers what was read; neither matters here.
_START = re.compile(
    rb"\x80[\x04\x05]\x95.{8}"
    rb"\x8c\x0elightgbm\.basic\x94\x8c\x07Booster\x94\x93\x94"
    rb"\)\x81\x94\}\x94\(\x8c\x07_handle\x94"
    rb"(?:\x95.{8})?X(.{4})",
    re.DOTALL,
)


def model_text(content: bytes) -> bytes:
    """Return the text of the pickled model.

    `pickle` would run what the bytes say, and allocate what they ask for. This takes one slice of them.

    Raises:
        ValueError: `content` is not the pickle of a LightGBM model.
    """
    start = _START.match(content)
    if start is None:
        raise ValueError(f"it does not start like the pickle of a LightGBM model, but {content[:60]!r}")
    text = content[start.end() :][: int.from_bytes(start[1], "little")]
    if len(text) != int.from_bytes(start[1], "little"):
        raise ValueError("its pickle ends before its text")
    return text
