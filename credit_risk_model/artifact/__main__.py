"""List, verify or extract an artifact: `python -m credit_risk_model.artifact`."""

import argparse
import json
import sys
from pathlib import Path

from credit_risk_model.artifact import (
    METADATA,
    MODEL,
    MODEL_TEXT,
    PACKAGED,
    PACKAGED_ON_BOOK,
    RETRAIN,
    ArtifactError,
    evidence_path,
    pickled,
    verify,
    verify_evidence,
)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code: 0, or 1 if the artifact cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m credit_risk_model.artifact", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, words in (
        ("list", "show the members of the artifact and the figures of its model"),
        ("verify", "check the digest of every member, and of every page of the evidence"),
        ("extract", f"write members to a folder, all of them or the named ones, and the model as text, {MODEL_TEXT}"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("--artifact", type=Path, metavar="FILE", help="the artifact (default: the shipped one)")
        command.add_argument("--on-book", action="store_true", help="use the shipped artifact of the on-book model")
        command.add_argument("--sha256", help="the SHA-256 that the file must have")
        if name == "extract":
            command.add_argument(
                "--to", type=Path, default=Path(), metavar="FOLDER", help="the target folder (default: this one)"
            )
            command.add_argument("members", nargs="*", metavar="MEMBER", help="the members to extract (default: all)")
    options = parser.parse_args(arguments)
    if options.artifact is None:
        options.artifact = PACKAGED_ON_BOOK if options.on_book else PACKAGED
    try:
        members = verify(options.artifact, options.sha256)
        recorded = json.loads(members[METADATA]).get("evidence", {})
        second = evidence_path(options.artifact)
        pages = verify_evidence(options.artifact, {"evidence": recorded}) if recorded and second.exists() else {}
        if options.command == "extract":
            _extract(members | pages, options.members, options.to)
        elif options.command == "list":
            _list(members)
            for name in recorded:
                size = f"{len(pages[name]):,}" if pages else "not here"
                print(f"{size:>12}  {name} ({second.name})")
        else:
            print(f"{options.artifact} is intact: {len(members)} members.")
            if recorded:
                print(f"{second} is {f'intact: {len(pages)} pages' if pages else 'not here'}.")
    except ArtifactError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _list(members: dict[str, bytes]) -> None:
    metadata = json.loads(members[METADATA])
    for key in ("model", "version", "created"):
        print(f"{key:<20}{metadata.get(key, 'not recorded')}")
    print(f"{'loans':<20}{metadata.get('data', {}).get('source', 'not recorded')}")
    for name, value in metadata.get("metrics", {}).items():
        print(f"{name.replace('_', ' '):<20}{value:.4f}")
    print(f"{'threshold':<20}{metadata['threshold']:.4f}\n")
    for name, content in members.items():
        print(f"{len(content):>12,}  {name}")


def _extract(members: dict[str, bytes], names: list[str], folder: Path) -> None:
    members = members | {MODEL_TEXT: _model_text(members[MODEL])}
    names = names or list(members)
    for name in names:
        if name not in members:
            raise ArtifactError(f"The artifact has no member {name!r}. Its members are {', '.join(members)}.")
        # A path as a name could write the member anywhere.
        if Path(name).name != name:
            raise ArtifactError(f"The member {name!r} is not extracted, because its name is a path.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_bytes(members[name])
            print(folder / name)
    except OSError as error:
        raise ArtifactError(f"Cannot write to {str(folder)!r}: {error.strerror or error}.") from error


def _model_text(model: bytes) -> bytes:
    try:
        return pickled.model_text(model)
    except ValueError as error:
        raise ArtifactError(f"{MODEL!r} is not a LightGBM model: {error}. {RETRAIN}") from error


if __name__ == "__main__":
    sys.exit(main())
