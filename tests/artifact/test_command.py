"""The command line of the artifact."""

from pathlib import Path

import lightgbm
import pytest

from credit_risk_model import artifact
from credit_risk_model.artifact.__main__ import main
from credit_risk_model.features import LOAN
from tests.artifact.damage import members_of, zipped


def test_the_members_are_listed(practice_artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--artifact", str(practice_artifact)]) == 0

    printed = capsys.readouterr().out
    assert "4,000 synthetic loans" in printed
    for name, content in members_of(practice_artifact).items():
        assert f"{len(content):>12,}  {name}\n" in printed


def test_the_shipped_artifact_is_intact(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0

    assert f"{artifact.PACKAGED} is intact" in capsys.readouterr().out


def test_a_changed_member_is_found(practice_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = members_of(practice_artifact)
    changed = zipped(tmp_path / "1.zip", members | {"model.joblib": b"other"})

    assert main(["verify", "--artifact", str(changed)]) == 1

    assert capsys.readouterr().err.startswith("error: The member 'model.joblib'")


def test_a_wrong_digest_of_the_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--sha256", "0" * 64]) == 1

    assert "not the configured one" in capsys.readouterr().err


@pytest.mark.parametrize("names", [["metadata.json"], []])
def test_members_are_extracted(practice_artifact: Path, tmp_path: Path, names: list[str]) -> None:
    members = members_of(practice_artifact)

    assert main(["extract", "--artifact", str(practice_artifact), "--to", str(tmp_path / "out"), *names]) == 0

    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    model = lightgbm.Booster(model_file=tmp_path / "out" / "model.txt") if not names else None
    assert model is None or model.feature_name() == LOAN.names
    found.pop("model.txt", None)
    assert found == {name: members[name] for name in names or members}


def test_the_pages_of_the_second_file_are_listed_verified_and_extracted(
    practice_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = artifact.read(practice_artifact, features=LOAN.specification())
    path = tmp_path / "1.zip"
    artifact.write(path, read.booster, read.metadata, read.self_check, {"card.md": b"#"}, {"page.html": b"<p>"})

    assert main(["list", "--artifact", str(path)]) == 0
    assert "           3  page.html (1.evidence.zip)\n" in capsys.readouterr().out
    assert main(["verify", "--artifact", str(path)]) == 0
    assert capsys.readouterr().out.endswith("1.evidence.zip is intact: 1 pages.\n")
    assert main(["extract", "--artifact", str(path), "--to", str(tmp_path), "page.html"]) == 0
    assert (tmp_path / "page.html").read_bytes() == b"<p>"

    artifact.evidence_path(path).unlink()
    capsys.readouterr()
    assert main(["verify", "--artifact", str(path)]) == 0
    assert capsys.readouterr().out.endswith("1.evidence.zip is not here.\n")
    assert main(["list", "--artifact", str(path)]) == 0
    assert "    not here  page.html (1.evidence.zip)\n" in capsys.readouterr().out


def test_a_missing_member_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extract", "--to", str(tmp_path / "out"), "secret"]) == 1

    assert "no member 'secret'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_member_whose_name_is_a_path_is_not_extracted(
    practice_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = artifact.read(practice_artifact, features=LOAN.specification())
    artifact.write(tmp_path / "1.zip", read.booster, read.metadata, read.self_check, {"../escaped": b"x"})

    assert main(["extract", "--artifact", str(tmp_path / "1.zip"), "--to", str(tmp_path / "out")]) == 1

    assert "its name is a path" in capsys.readouterr().err
    assert not (tmp_path / "escaped").exists()


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    assert main(["extract", "--to", str(tmp_path / "file")]) == 1

    assert "Cannot write to" in capsys.readouterr().err
