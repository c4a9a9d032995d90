"""The command line of the training."""

from pathlib import Path

import pytest

from credit_risk_model import artifact
from credit_risk_model.features import LOAN
from credit_risk_model.training import dataset, synthetic
from credit_risk_model.training.__main__ import main


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in a folder of its own, so that no test writes to the project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_training_on_a_file_writes_an_artifact(loans_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--data", str(loans_file), "--source", "a test", "--output", "here/1.zip", "--no-reports"])

    assert code == 0
    metadata = artifact.read(Path("here/1.zip"), features=LOAN.specification()).metadata
    assert metadata["data"]["source"] == "a test"
    assert metadata["data"]["sha256"] == dataset.fingerprint(loans_file)
    printed = capsys.readouterr().out
    for name, rows in metadata["data"]["steps"]:
        assert f"{rows:>9,} rows  {name}" in printed
    assert f"{metadata['metrics']['average_precision']:.4f}" in printed


def test_the_loans_are_not_overwritten(loans_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = loans_file.read_bytes()

    with pytest.raises(SystemExit, match="2"):
        main(["--data", str(loans_file), "--output", str(loans_file)])

    assert "--output is the input file" in capsys.readouterr().err
    assert loans_file.read_bytes() == before


def test_the_same_file_gives_the_same_bytes(loans_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")

    for name in ("a.zip", "b.zip"):
        assert main(["--data", str(loans_file), "--output", name, "--no-reports"]) == 0

    assert Path("a.zip").read_bytes() == Path("b.zip").read_bytes()


def test_without_data_the_loans_are_synthetic_and_the_output_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    shipped = artifact.PACKAGED.read_bytes()

    assert main(["--rows", "2000", "--no-reports"]) == 0

    assert artifact.PACKAGED.read_bytes() == shipped
    written = artifact.read(Path("build/synthetic/1.zip"), features=LOAN.specification())
    assert "SYNTHETIC" in written.metadata["data"]["source"]
    printed = capsys.readouterr().out
    assert "2,000 SYNTHETIC loans" in printed
    assert "It was trained on synthetic loans, for practice only." in printed


def test_synthetic_loans_never_replace_the_shipped_artifact(capsys: pytest.CaptureFixture[str]) -> None:
    shipped = artifact.PACKAGED.read_bytes()

    with pytest.raises(SystemExit) as caught:
        main(["--output", str(artifact.PACKAGED)])

    assert caught.value.code == 2
    assert "cannot replace the shipped artifact" in capsys.readouterr().err
    assert artifact.PACKAGED.read_bytes() == shipped


def test_zero_rows_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--rows", "0"])

    assert "--rows is 0, expected at least 1" in capsys.readouterr().err


def test_bad_data_end_in_one_sentence_and_leave_the_artifact(capsys: pytest.CaptureFixture[str]) -> None:
    Path("loan.csv").write_text("a,b\n1,2\n")
    Path("1.zip").write_bytes(b"old")

    assert main(["--data", "loan.csv", "--output", "1.zip"]) == 1

    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: 'loan.csv' lacks the columns annual_inc, ")
    assert Path("1.zip").read_bytes() == b"old"


def test_a_step_that_cannot_be_kept_ends_in_one_sentence(loans_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("build").touch()

    assert main(["--data", str(loans_file), "--output", "1.zip", "--no-reports"]) == 1

    assert "error: Cannot write to 'build" in capsys.readouterr().err
    assert not Path("1.zip").exists()


def test_safe_loans_alone_end_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    loans = synthetic.loans(1_000)
    loans["loan_status"] = "Current"
    loans.to_csv("loan.csv", index=False)

    assert main(["--data", "loan.csv", "--output", "1.zip"]) == 1

    assert "a model needs risky and safe loans" in capsys.readouterr().err
    assert not Path("1.zip").exists()


def test_the_file_of_synthetic_loans_is_known_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rows", "2000", "--no-reports"]) == 0
    shipped = artifact.PACKAGED.read_bytes()

    assert main(["--data", "build/synthetic/loan.csv.gz", "--no-reports"]) == 0

    assert artifact.PACKAGED.read_bytes() == shipped
    assert "trained on synthetic loans" in capsys.readouterr().out


@pytest.mark.parametrize("rows", [1, 13, 19])
def test_too_few_loans_end_in_one_sentence(capsys: pytest.CaptureFixture[str], rows: int) -> None:
    assert main(["--rows", str(rows), "--no-reports"]) == 1

    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("error: ")
    assert not Path("build/synthetic/1.zip").exists()


def test_a_missing_file_ends_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", "nowhere.csv"]) == 1

    assert capsys.readouterr().err == "error: Cannot read 'nowhere.csv': No such file or directory.\n"
