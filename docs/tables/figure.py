"""Draws a picture of the documents with matplotlib, so that the same figures give the same file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def drawing(path: Path, width: float, height: float) -> Iterator[Any]:
    """Yield the axes of a picture of this size in inches; write it as SVG when the block ends."""
    import matplotlib  # its import takes a second, which the tables do not need

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = path.stem
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(width, height), layout="constrained")
    yield axes
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
