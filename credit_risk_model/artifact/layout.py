"""What an artifact consists of, and the error that tells what is wrong with one."""

from pathlib import Path

PACKAGED = Path(__file__).parent.parent / "model_files" / "1.zip"
PACKAGED_ON_BOOK = PACKAGED.with_name("on_book_1.zip")

MODEL = "model.joblib"
METADATA = "metadata.json"
CLASSES = ["safe", "risky"]


class ArtifactError(Exception):
    """An artifact that cannot be used: what is wrong, where, what was found, and what to do."""
