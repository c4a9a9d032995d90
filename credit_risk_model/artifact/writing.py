"""Writing an artifact, whole or not at all."""

import hashlib
import json
import os
import pickle
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from credit_risk_model.artifact.layout import METADATA, MODEL, ArtifactError
from credit_risk_model.artifact.library import lightgbm


def write(
    path: Path, booster: lightgbm.Booster, metadata: Mapping[str, Any], reports: Mapping[str, bytes] | None = None
) -> None:
    """Write the artifact, whole or not at all; the file that `path` named before is kept until then.

    `created` and the digest of every other member are added to `metadata`. The same arguments give the same bytes
    where the environment variable SOURCE_DATE_EPOCH (seconds since 1970) fixes the time.

    Raises:
        ArtifactError: the file cannot be written, or SOURCE_DATE_EPOCH is no number.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", str(int(time.time())))
    try:
        created = time.gmtime(int(epoch))
    except (ValueError, OverflowError, OSError) as error:
        raise ArtifactError(f"SOURCE_DATE_EPOCH is {epoch!r}, expected whole seconds since 1970.") from error

    # Read anew from its text, the model forgets how it was trained and is pickled to the same bytes each time.
    # `joblib.load` reads this pickle as well; writing it takes no joblib, which the service need not carry.
    members = {MODEL: pickle.dumps(lightgbm.Booster(model_str=booster.model_to_string()), protocol=5)}
    members |= reports or {}
    described = dict(metadata) | {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", created),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    }
    members = {METADATA: json.dumps(described, indent=2, allow_nan=False).encode() + b"\n"} | members

    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
                for name, content in members.items():
                    # The oldest time a zip file can hold is 1980.
                    entry = zipfile.ZipInfo(name, max(created[:6], (1980, 1, 1, 0, 0, 0)))
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    entry.external_attr = 0o644 << 16
                    archive.writestr(entry, content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise ArtifactError(f"Cannot write the artifact {str(path)!r}: {error.strerror or error}.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
