"""Artifacts are written, read and verified; damaged or wrong ones are refused."""

import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest

from credit_risk_model import artifact
from credit_risk_model.artifact import ArtifactError
from credit_risk_model.categories import CreditRisk
from credit_risk_model.features import LOAN
from tests.artifact.damage import members_of, resealed, zipped
from tests.conftest import ROOT


@pytest.fixture
def altered(practice_artifact: Path, tmp_path: Path) -> Callable[..., Path]:
    """A function that copies the artifact with changed metadata or members and matching digests."""

    def make(model: bytes | None = None, self_check: bytes | None = None, **changes: Any) -> Path:
        members = members_of(practice_artifact)
        members["model.joblib"] = members["model.joblib"] if model is None else model
        members["self_check.json"] = members["self_check.json"] if self_check is None else self_check
        members = resealed(members)
        members["metadata.json"] = json.dumps(json.loads(members["metadata.json"]) | changes).encode()
        return zipped(tmp_path / "altered.zip", members)

    return make


def refusal(path: Path, sha256: str | None = None) -> str:
    with pytest.raises(ArtifactError) as caught:
        artifact.read(path, features=LOAN.specification(), sha256=sha256)
    message = str(caught.value)
    assert repr(str(path)) in message
    return message


def test_the_classes_are_those_of_the_code() -> None:
    assert [*CreditRisk] == artifact.CLASSES


def test_a_written_artifact_can_be_read(practice_artifact: Path) -> None:
    digest = hashlib.sha256(practice_artifact.read_bytes()).hexdigest()

    read = artifact.read(practice_artifact, features=LOAN.specification(), sha256=digest.upper())

    assert read.booster.num_trees() == read.metadata["hyperparameters"]["n_estimators"]
    assert 0 < read.threshold < 1


def test_the_model_card_is_read_and_may_be_missing(practice_artifact: Path) -> None:
    cards = [
        artifact.read(path, features=LOAN.specification()).model_card for path in (artifact.PACKAGED, practice_artifact)
    ]

    assert cards == [members_of(artifact.PACKAGED)["model_card.md"].decode(), ""]


def test_a_model_card_that_is_not_text_is_still_read(practice_artifact: Path, tmp_path: Path) -> None:
    members = members_of(practice_artifact) | {"model_card.md": b"\xff card"}
    path = zipped(tmp_path / "1.zip", resealed(members))

    assert artifact.read(path, features=LOAN.specification()).model_card == "\N{REPLACEMENT CHARACTER} card"


def test_a_changed_model_card_is_refused(tmp_path: Path) -> None:
    members = members_of(artifact.PACKAGED) | {"model_card.md": b"another card"}

    assert "The member 'model_card.md' of" in refusal(zipped(tmp_path / "1.zip", members))


def test_a_long_model_card_is_refused(practice_artifact: Path, tmp_path: Path) -> None:
    members = members_of(practice_artifact) | {"model_card.md": b"x" * 300_000}

    assert "262,144 bytes" in refusal(zipped(tmp_path / "1.zip", resealed(members)))


def test_joblib_reads_the_model(practice_artifact: Path) -> None:
    booster = joblib.load(io.BytesIO(members_of(practice_artifact)["model.joblib"]))

    assert isinstance(booster, lightgbm.Booster)


def test_the_metadata_record_every_member(practice_artifact: Path) -> None:
    members = members_of(practice_artifact)
    metadata = json.loads(members.pop("metadata.json"))

    assert metadata["sha256"] == {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    assert metadata["features"] == LOAN.specification()
    assert metadata["versions"]["lightgbm"] == lightgbm.__version__


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    assert "No model artifact at" in refusal(tmp_path / "none.zip")
    assert "make train" in refusal(tmp_path / "none.zip")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "Cannot read" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all" * 100], ids=["empty", "two bytes", "text"])
def test_a_file_that_is_not_a_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "1.zip"
    path.write_bytes(content)

    assert "not an intact zip file" in refusal(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(practice_artifact: Path, tmp_path: Path, kept: float) -> None:
    content = practice_artifact.read_bytes()
    path = tmp_path / "1.zip"
    path.write_bytes(content[: int(len(content) * kept)])

    assert "not an intact zip file" in refusal(path)


def test_a_changed_byte_of_the_model_is_refused(practice_artifact: Path, tmp_path: Path) -> None:
    content = bytearray(practice_artifact.read_bytes())
    path = tmp_path / "1.zip"
    random = np.random.default_rng(1)
    # Only bytes of the data are changed; some bytes of the headers, such as the time, are never read.
    with zipfile.ZipFile(practice_artifact) as archive:
        entry = archive.getinfo("model.joblib")
    for position in random.integers(entry.header_offset + 100, entry.header_offset + entry.compress_size, 40):
        content[position] ^= 0xFF
        path.write_bytes(content)
        content[position] ^= 0xFF

        assert refusal(path)


def test_a_changed_byte_of_a_header_raises_nothing_but_an_artifact_error(
    practice_artifact: Path, tmp_path: Path
) -> None:
    content = bytearray(practice_artifact.read_bytes())
    path = tmp_path / "1.zip"
    for position in [*range(60), *range(len(content) - 140, len(content))]:
        content[position] ^= 0xFF
        path.write_bytes(content)
        content[position] ^= 0xFF

        # Some of these bytes are never read, so the artifact may also load. Any other error fails the test.
        with suppress(ArtifactError):
            artifact.read(path, features=LOAN.specification())


def test_an_encrypted_member_is_refused(practice_artifact: Path, tmp_path: Path) -> None:
    path = tmp_path / "1.zip"
    content = bytearray(practice_artifact.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", content, content.index(signature) + offset, 1)
    path.write_bytes(content)

    assert "encrypted" in refusal(path)


@pytest.mark.parametrize("name", ["metadata.json", "model.joblib", "self_check.json"])
def test_a_missing_member_is_named(practice_artifact: Path, tmp_path: Path, name: str) -> None:
    members = members_of(practice_artifact)
    del members[name]

    assert f"has no member '{name}'" in refusal(zipped(tmp_path / "1.zip", members))


def test_a_repeated_member_is_refused(practice_artifact: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "1.zip", members_of(practice_artifact))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("model.joblib", b"another")

    assert "has a duplicate member" in refusal(path)


def test_a_tampered_model_is_refused(practice_artifact: Path, tmp_path: Path) -> None:
    members = members_of(practice_artifact)
    members["model.joblib"] += b"."

    assert "'model.joblib'" in (message := refusal(zipped(tmp_path / "1.zip", members)))
    assert "was changed" in message


def test_a_member_without_a_recorded_digest_is_refused(practice_artifact: Path, tmp_path: Path) -> None:
    members = members_of(practice_artifact) | {"smuggled.py": b"print('hello')"}

    assert "'smuggled.py' is present but not recorded" in refusal(zipped(tmp_path / "1.zip", members))


def test_a_missing_report_is_named(altered: Callable[..., Path], practice_artifact: Path) -> None:
    recorded = json.loads(members_of(practice_artifact)["metadata.json"])["sha256"]

    assert "'report.html' is recorded but missing" in refusal(altered(sha256=recorded | {"report.html": "0" * 64}))


def test_a_changed_report_is_named_by_verify(practice_artifact: Path, tmp_path: Path) -> None:
    read = artifact.read(practice_artifact, features=LOAN.specification())
    artifact.write(tmp_path / "1.zip", read.booster, read.metadata, read.self_check, {"report.html": b"<p>good</p>"})
    members = members_of(tmp_path / "1.zip")
    assert artifact.verify(tmp_path / "1.zip") == members

    changed = zipped(tmp_path / "changed.zip", members | {"report.html": b"<p>better</p>"})

    # The reports are not read when the model is loaded.
    assert artifact.read(changed, features=LOAN.specification())
    with pytest.raises(ArtifactError, match=r"The member 'report\.html' of .* was changed"):
        artifact.verify(changed)


def test_a_changed_or_missing_page_is_named(practice_artifact: Path, tmp_path: Path) -> None:
    read = artifact.read(practice_artifact, features=LOAN.specification())
    path = tmp_path / "1.zip"
    artifact.write(path, read.booster, read.metadata, read.self_check, evidence={"page.html": b"<p>good</p>"})
    metadata = artifact.read(path, features=LOAN.specification()).metadata
    assert artifact.verify_evidence(path, metadata) == {"page.html": b"<p>good</p>"}

    zipped(tmp_path / "1.evidence.zip", {"page.html": b"<p>better</p>"})
    with pytest.raises(ArtifactError, match=r"The member 'page\.html' of .*1\.evidence\.zip' was changed"):
        artifact.verify_evidence(path, metadata)
    zipped(tmp_path / "1.evidence.zip", {"other.html": b"<p>good</p>"})
    with pytest.raises(ArtifactError, match=r"1\.evidence\.zip' has no member 'page\.html'"):
        artifact.verify_evidence(path, metadata)


def test_the_pages_of_another_artifact_are_removed(practice_artifact: Path, tmp_path: Path) -> None:
    read = artifact.read(practice_artifact, features=LOAN.specification())
    path = tmp_path / "1.zip"
    artifact.write(path, read.booster, read.metadata, read.self_check, evidence={"page.html": b"<p>"})

    artifact.write(path, read.booster, read.metadata, read.self_check)

    assert [found.name for found in tmp_path.iterdir()] == ["1.zip"]


def test_the_shipped_artifacts_are_lean() -> None:
    for path in (artifact.PACKAGED, artifact.PACKAGED_ON_BOOK):
        assert path.stat().st_size < 1_500_000
        metadata = json.loads(artifact.verify(path)["metadata.json"])
        assert artifact.verify_evidence(path, metadata).keys() == metadata["evidence"].keys() >= {"evaluation.html"}


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff", b"[1]", b"{}", b"[" * 200_000],
    ids=["broken", "binary", "list", "empty", "deeply nested"],
)
def test_broken_metadata_are_refused(practice_artifact: Path, tmp_path: Path, content: bytes) -> None:
    members = members_of(practice_artifact) | {"metadata.json": content}

    assert "'metadata.json'" in refusal(zipped(tmp_path / "1.zip", members))


@pytest.mark.parametrize("key", ["features", "classes", "threshold", "versions", "sha256"])
def test_an_entry_of_the_wrong_type_is_named(altered: Callable[..., Path], key: str) -> None:
    assert f"as '{key}'" in refusal(altered(**{key: "wrong"}))


def test_a_file_with_another_digest_is_refused(practice_artifact: Path) -> None:
    message = refusal(practice_artifact, sha256="0" * 64)

    assert "not the configured one" in message
    assert hashlib.sha256(practice_artifact.read_bytes()).hexdigest() in message


def test_other_features_are_refused(altered: Callable[..., Path]) -> None:
    features = LOAN.specification()
    features[0] = features[0] | {"name": "Income"}

    assert "'Income'" in refusal(altered(features=features))


def test_other_categories_are_refused(altered: Callable[..., Path]) -> None:
    features = [
        entry | {"categories": [*entry["categories"], "yacht"]} if entry["name"] == "LoanPurpose" else entry
        for entry in LOAN.specification()
    ]

    assert "yacht" in refusal(altered(features=features))


def test_fewer_features_are_refused(altered: Callable[..., Path]) -> None:
    assert "15 features" in refusal(altered(features=LOAN.specification()[:-1]))


def test_other_classes_are_refused(altered: Callable[..., Path]) -> None:
    assert "['good', 'bad']" in refusal(altered(classes=["good", "bad"]))


@pytest.mark.parametrize("threshold", [0.0, 1.0, float("nan")])
def test_a_threshold_that_is_not_a_probability_is_refused(altered: Callable[..., Path], threshold: float) -> None:
    assert "threshold" in refusal(altered(threshold=threshold))


@pytest.mark.parametrize("version", ["3.3.5", "5.0.0", "4.999.0", "4." + "9" * 5_000, "new", None])
def test_an_incompatible_lightgbm_is_refused(altered: Callable[..., Path], version: str | None) -> None:
    message = refusal(altered(versions={"lightgbm": version}))

    assert f"LightGBM {version}"[:100] in message
    assert lightgbm.__version__ in message


def test_an_older_lightgbm_with_the_same_major_version_is_accepted(altered: Callable[..., Path]) -> None:
    path = altered(versions={"lightgbm": "4.0.0"})

    assert artifact.read(path, features=LOAN.specification()).booster.num_trees()


class Exploit:
    """Runs a command when pickle loads it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


def test_a_pickle_that_runs_a_command_is_refused_and_not_run(altered: Callable[..., Path], tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    message = refusal(altered(model=pickle.dumps(Exploit(f"touch {trace}"))))

    assert "does not start like the pickle of a LightGBM model" in message
    assert not trace.exists()


@pytest.mark.parametrize(
    "model",
    [
        b"",
        b"no pickle",
        pickle.dumps([1, 2]),
        b"clightgbm.basic\nBooster\n.",
        b"clightgbm.basic\nBooster\n)\x81.",
        b"clightgbm.basic\nBooster\n)\x81}X\x07\x00\x00\x00_handleK\x01sb.",
    ],
    ids=["empty", "text", "list", "the class itself", "no state", "a number as text"],
)
def test_a_pickle_that_is_not_a_model_is_refused(altered: Callable[..., Path], model: bytes) -> None:
    assert "not a usable LightGBM model" in refusal(altered(model=model))


def test_other_attributes_in_the_pickle_are_ignored(altered: Callable[..., Path], practice_artifact: Path) -> None:
    """A pickled `best_iteration` of 1 would score with one tree; a `predict` would replace the method."""
    honest = artifact.read(practice_artifact, features=LOAN.specification()).booster
    forged = lightgbm.Booster(model_str=honest.model_to_string())
    forged.best_iteration = 1
    vars(forged)["predict"] = "x"
    row = np.zeros((1, len(LOAN)))

    loaded = artifact.read(altered(model=pickle.dumps(forged)), features=LOAN.specification()).booster

    assert loaded.predict(row) == honest.predict(row)


def test_a_regression_model_is_refused(altered: Callable[..., Path], prepared_loans: pd.DataFrame) -> None:
    rows = prepared_loans[LOAN.names]
    regression = lightgbm.train(
        {"verbosity": -1, "objective": "regression"}, lightgbm.Dataset(rows, prepared_loans["AnnualIncome"]), 2
    )

    model = pickle.dumps(lightgbm.Booster(model_str=regression.model_to_string()))

    assert "another kind of model" in refusal(altered(model=model))


@pytest.mark.parametrize("name", ["metadata.json", "self_check.json", "model.joblib"])
def test_a_member_above_its_limit_is_refused(
    practice_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    members = members_of(practice_artifact)
    monkeypatch.setitem(artifact.archive._LARGEST_MEMBERS, name, len(members[name]) - 1)

    assert f"more than {len(members[name]) - 1:,} bytes" in refusal(practice_artifact)


def test_members_above_the_common_limit_are_refused(practice_artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = members_of(practice_artifact)
    total = len(members["metadata.json"]) + len(members["self_check.json"])
    monkeypatch.setattr(artifact.archive, "_LARGEST_TOTAL", total)

    assert "The member 'model.joblib'" in refusal(practice_artifact)


def test_a_file_that_is_too_large_is_refused(practice_artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact.archive, "_LARGEST_FILE", 1_000)

    assert "more than 1,000 bytes" in refusal(practice_artifact)


def test_a_directory_above_its_limit_is_refused(practice_artifact: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "1.zip", members_of(practice_artifact) | {f"{n}.html": b"" for n in range(2_000)})

    assert "its directory has" in refusal(path)


def test_a_zip_with_a_comment_is_refused(practice_artifact: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "1.zip", members_of(practice_artifact))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"hidden"

    assert "without comment" in refusal(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_another_compression_is_refused(practice_artifact: Path, tmp_path: Path, compression: int) -> None:
    path = tmp_path / "1.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, member in members_of(practice_artifact).items():
            archive.writestr(name, member)

    assert "is not compressed with deflate" in refusal(path)


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"{}", b'{"loans": []}', b'{"loans": [1]}', b'{"loans": [{"loan": {}, "probability": null}]}'],
    ids=["broken", "list", "empty", "no loans", "a number", "no probability"],
)
def test_a_broken_self_check_is_refused(altered: Callable[..., Path], content: bytes) -> None:
    assert "'self_check.json'" in refusal(altered(self_check=content))


def test_a_message_is_short_even_if_the_wrong_value_is_long(altered: Callable[..., Path]) -> None:
    assert len(refusal(altered(classes=["x" * 500_000] * 2))) < 1_000


@pytest.mark.parametrize("sha256", [5, "short"])
def test_a_value_that_is_not_a_digest_matches_no_file(practice_artifact: Path, sha256: Any) -> None:
    assert "not the configured one" in refusal(practice_artifact, sha256=sha256)


def test_an_invalid_path_is_refused() -> None:
    assert "Cannot read" in refusal(Path("a\0b"))


def test_a_model_for_other_features_is_refused_even_if_the_metadata_match(altered: Callable[..., Path]) -> None:
    rows = np.random.default_rng(1).random((200, len(LOAN)))
    foreign = lightgbm.train({"verbosity": -1, "objective": "binary"}, lightgbm.Dataset(rows, rows[:, 0] > 0.5), 2)

    message = refusal(altered(model=pickle.dumps(lightgbm.Booster(model_str=foreign.model_to_string()))))

    assert "made for other features" in message
    assert "Column_0" in message


def test_the_same_inputs_give_the_same_bytes(
    practice_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    read = artifact.read(practice_artifact, features=LOAN.specification())

    for name in ("a.zip", "b.zip"):
        artifact.write(tmp_path / name, read.booster, read.metadata, read.self_check, {"report.html": b"<p>"})

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    written = artifact.read(tmp_path / "a.zip", features=LOAN.specification())
    assert written.metadata["created"] == "2023-11-14T22:13:20Z"
    assert "report.html" in written.metadata["sha256"]


@pytest.mark.parametrize("epoch", ["yesterday", "1.5", "9" * 30])
def test_an_invalid_source_date_is_refused(
    practice_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    read = artifact.read(practice_artifact, features=LOAN.specification())

    with pytest.raises(ArtifactError, match="SOURCE_DATE_EPOCH"):
        artifact.write(tmp_path / "1.zip", read.booster, {}, read.self_check)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_old_artifact(
    practice_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1.zip"
    path.write_bytes(b"old")
    read = artifact.read(practice_artifact, features=LOAN.specification())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left on device"):
        artifact.write(path, read.booster, {}, read.self_check)

    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["1.zip"]


def test_the_documented_limits_are_those_of_the_code() -> None:
    document = " ".join((ROOT / "docs" / "artifact.md").read_text().split())
    metadata, self_check, model, card = artifact.archive._LARGEST_MEMBERS.values()

    assert f"may have up to {artifact.archive._LARGEST_FILE >> 20} MiB" in document
    assert f"its directory up to {artifact.archive._LARGEST_DIRECTORY >> 10} KiB" in document
    assert (
        f"(metadata {metadata >> 20} MiB, self-check {self_check >> 10} KiB, model {model >> 20} MiB, "
        f"model card {card >> 10} KiB, "
        f"report {artifact.archive._LARGEST_REPORT >> 20} MiB) and {artifact.archive._LARGEST_TOTAL >> 20} MiB for all"
    ) in document


def test_an_artifact_without_a_reference_can_be_read(altered: Callable[..., Path]) -> None:
    path = altered(reference=None)

    assert artifact.read(path, features=LOAN.specification()).metadata["reference"] is None


@pytest.mark.parametrize(
    "reference",
    [
        5,
        {},
        {"labels": {"safe": 1.0}},
        {"labels": [1.0], "values": {}},
        {"labels": {"safe": "1"}, "values": {}},
        {"labels": {"safe": 1.5}, "values": {}},
        {"labels": {"safe": float("nan")}, "values": {}},
        {"labels": {"safe": 1.0}, "values": {"term": 1.0}},
        {"labels": {"safe": 1.0}, "values": {"amount": {"low": 0.5, "+Inf": 0.5}}},
        {"labels": {"safe": 1.0}, "values": {"amount": {str(name): 0.0 for name in range(33)}}},
        {"labels": {"safe": 1.0}, "values": {str(name): {"+Inf": 1.0} for name in range(64)}},
    ],
)
def test_an_invalid_reference_is_refused(altered: Callable[..., Path], reference: Any) -> None:
    assert "has an invalid reference: " in refusal(altered(reference=reference))
