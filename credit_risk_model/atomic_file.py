"""Files that appear whole or not at all, and survive a crash of the machine once they have appeared."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def write(path: Path, content: bytes) -> None:
    """Write a file; the file that `path` named before is kept until the new one is complete.

    Raises:
        OSError: it cannot be written; nothing of it is left.
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file to write to, which gets the name `path` when the block ends, and is removed if the block fails.

    Raises:
        OSError: it cannot be written.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        written = Path(file.name)
        try:
            yield file
            flush(file)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
    publish(written, path)


def flush(file: IO[bytes]) -> None:
    """Write what is buffered to the disk."""
    file.flush()
    os.fsync(file.fileno())


def publish(written: Path, path: Path) -> None:
    """Rename a complete file, readable by everybody, and write its folder to the disk."""
    try:
        written.chmod(0o644)
        written.replace(path)
    except OSError:
        written.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
