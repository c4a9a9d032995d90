"""The zip file of an artifact, read within limits that do not depend on its headers."""

import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

from credit_risk_model.artifact.layout import (
    METADATA,
    MODEL,
    MODEL_CARD,
    RESTORE,
    RETRAIN,
    SELF_CHECK,
    ArtifactError,
    shown,
)

_MEBIBYTE = 1024 * 1024
# The shipped artifact has 1 MiB with a model of 1 MiB; its evidence has pages of 6 MiB, 18 MiB together.
_LARGEST_FILE = 64 * _MEBIBYTE
_LARGEST_MEMBERS = {METADATA: _MEBIBYTE, SELF_CHECK: _MEBIBYTE // 4, MODEL: 16 * _MEBIBYTE, MODEL_CARD: _MEBIBYTE // 4}
_LARGEST_REPORT = 32 * _MEBIBYTE
_LARGEST_TOTAL = 128 * _MEBIBYTE
_LARGEST_DIRECTORY = 64 * 1024
_END = struct.Struct("<4s4H2LH")  # "end of central directory record" in section 4.3.16 of PKWARE's APPNOTE


REQUIRED = {METADATA: RESTORE, MODEL: RESTORE, SELF_CHECK: f"It may be too old. {RETRAIN}"}


class Archive:
    """The zip file of an artifact, in memory. Its names are checked when it is opened, each member when it is read."""

    def __init__(self, path: Path, sha256: str | None = None, *, required: Mapping[str, str] = REQUIRED) -> None:
        """Read the file. If `sha256` is given, the file must have this digest. It must have the members `required`.

        `required` maps each of them to the remedy if it is missing.

        Raises:
            ArtifactError: the file is missing, too large, not the one that `sha256` names, or damaged.
        """
        self._path = path
        content = _content(path)
        self.digest = hashlib.sha256(content).hexdigest()
        if sha256 is not None and self.digest != str(sha256).lower():
            raise ArtifactError(
                f"The artifact {str(path)!r} is not the configured one: its SHA-256 is {self.digest}, "
                f"`artifact_sha256` is {sha256}. Deploy the configured file, or configure the digest of this one if "
                "you trust it."
            )
        self._zip = self._opened(content)
        self._budget = _LARGEST_TOTAL
        self.names = self._zip.namelist()
        if len(set(self.names)) != len(self.names):
            raise ArtifactError(
                f"The artifact {str(path)!r} has a duplicate member: {shown(sorted(self.names))}. {RESTORE}"
            )
        for name, remedy in required.items():
            if name not in self.names:
                raise ArtifactError(
                    f"The artifact {str(path)!r} has no member {name!r}. Its members are {shown(sorted(self.names))}. "
                    f"{remedy}"
                )

    def read(self, name: str) -> bytes:
        """Return the content of a member.

        Raises:
            ArtifactError: the member is larger than its limit, damaged, encrypted, or not compressed with deflate.
        """
        entry = self._zip.getinfo(name)
        # Other methods allocate the memory that a header asks for, which may be gigabytes.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self._damaged(f"{shown(name)} is not compressed with deflate")
        limit = min(_LARGEST_MEMBERS.get(name, _LARGEST_REPORT), self._budget)
        try:
            with self._zip.open(entry) as member:
                content = member.read(limit + 1)
        # zipfile, zlib and other modules report damaged data with different exceptions.
        except Exception as error:
            raise self._damaged(f"{shown(name)}: {error}") from error
        if len(content) > limit:
            raise ArtifactError(
                f"The member {shown(name)} of {str(self._path)!r} has more than {limit:,} bytes, which is the limit. "
                f"{RESTORE}"
            )
        self._budget -= len(content)
        return content

    def _opened(self, content: bytes) -> zipfile.ZipFile:
        # zipfile reads the size of the directory from this record, and creates an object for each entry.
        if len(content) < _END.size:
            raise self._damaged("the file is too short")
        signature, _, _, _, _, size, _, comment = _END.unpack(content[-_END.size :])
        if signature != b"PK\x05\x06" or comment or content[-42:-38] == b"PK\x06\x07":
            raise self._damaged("its end is not that of a zip file without comment and ZIP64")
        if size > _LARGEST_DIRECTORY:
            raise self._damaged(f"its directory has {size:,} bytes, the limit is {_LARGEST_DIRECTORY:,}")
        try:
            return zipfile.ZipFile(io.BytesIO(content))
        # zipfile raises many kinds of exceptions for damaged files.
        except Exception as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, cause: str) -> ArtifactError:
        return ArtifactError(f"The artifact {str(self._path)!r} is not an intact zip file: {cause}. {RESTORE}")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise ArtifactError(f"No model artifact at {str(path)!r}. {RETRAIN}") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"Cannot read the model artifact {str(path)!r}: {error}.") from error
    if len(content) > _LARGEST_FILE:
        raise ArtifactError(f"The artifact {str(path)!r} has more than {_LARGEST_FILE:,} bytes, which is the limit.")
    return content
