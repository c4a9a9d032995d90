"""Reading Lending Club's file, and the errors for a file that is not one."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from credit_risk_model.categories import CreditRisk
from credit_risk_model.loan_files import survey
from credit_risk_model.loan_files.survey import Stated
from credit_risk_model.training import dataset, preparation, synthetic
from credit_risk_model.training.dataset import DatasetError
from credit_risk_model.training.preparation import PreparationError


@pytest.fixture
def raw_loans() -> pd.DataFrame:
    return synthetic.loans(50)


def saved(loans: pd.DataFrame, path: Path) -> Path:
    loans.to_csv(path, index=False)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        dataset.read(path, progress=False)
    message = str(caught.value)
    assert str(path) in message
    return message


def test_plain_and_compressed_files_hold_the_same(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    plain = saved(raw_loans, tmp_path / "loan.csv")
    compressed = tmp_path / "loan.csv.gz"
    compressed.write_bytes(gzip.compress(plain.read_bytes()))

    pd.testing.assert_frame_equal(dataset.read(plain, progress=False), dataset.read(compressed, progress=False))


def test_compression_is_recognised_by_the_content(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "loan.csv"
    path.write_bytes(gzip.compress(saved(raw_loans, tmp_path / "plain").read_bytes()))

    assert len(dataset.read(path, progress=False)) == 50


def test_only_the_columns_that_are_used_are_read(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    loans = dataset.read(saved(raw_loans, tmp_path / "loan.csv"), progress=False)

    assert sorted(loans.columns) == sorted([*dataset.NUMBERS, *dataset.TEXTS])
    assert len(loans.columns) == 22


def test_texts_of_all_chunks_become_one_column(
    raw_loans: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(raw_loans, tmp_path / "loan.csv")
    whole = dataset.read(path, progress=False)
    monkeypatch.setattr(dataset, "_CHUNK", 7)

    chunked = dataset.read(path, progress=False)

    assert chunked.astype("object").equals(whole.astype("object"))


def test_progress_is_shown(raw_loans: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset.read(saved(raw_loans, tmp_path / "loan.csv"))

    assert "reading loan.csv: 100%" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "No file" in refusal(tmp_path / "none.csv")


def test_a_folder_is_named(tmp_path: Path) -> None:
    assert "has no files" in refusal(tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loan.csv"
    path.touch()

    assert "is empty" in refusal(path)


def test_a_header_alone_is_refused(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    assert "has a header, but no loans" in refusal(saved(raw_loans.head(0), tmp_path / "loan.csv"))


def test_missing_columns_are_named(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    message = refusal(saved(raw_loans.drop(columns=["dti", "term"]), tmp_path / "loan.csv"))

    assert "lacks the columns dti, term" in message


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_a_broken_gzip_is_refused(loans_file: Path, tmp_path: Path, kept: float) -> None:
    path = tmp_path / "loan.csv.gz"
    content = loans_file.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])

    assert "damaged gzip" in refusal(path)


def test_a_gzip_with_wrong_bytes_is_refused(loans_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "loan.csv.gz"
    content = bytearray(loans_file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)

    assert "damaged gzip" in refusal(path)


def test_a_file_of_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loan.csv"
    path.write_bytes(b"\xff\xfe\x00\x01" * 100)

    assert refusal(path)


def test_a_zip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loan.csv"
    path.write_bytes(b"PK\x03\x04" + bytes(range(256)))

    assert refusal(path)


@pytest.mark.parametrize("column", ["annual_inc", "installment", "total_pymnt_inv"])
def test_text_where_a_number_belongs_is_found(raw_loans: pd.DataFrame, tmp_path: Path, column: str) -> None:
    raw_loans[column] = raw_loans[column].astype("object")
    raw_loans.loc[32, column] = "a lot"

    message = refusal(saved(raw_loans, tmp_path / "loan.csv"))

    assert f"'a lot' in the column {column} of loan 33" in message


def test_text_in_a_later_chunk_is_found(
    raw_loans: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "_CHUNK", 7)
    raw_loans["dti"] = raw_loans["dti"].astype("object")
    raw_loans.loc[40, "dti"] = "12,5 %"

    assert "'12,5 %' in the column dti of loan 41" in refusal(saved(raw_loans, tmp_path / "loan.csv"))


@pytest.mark.parametrize("column", ["issue_d", "last_pymnt_d"])
@pytest.mark.parametrize("text", ["Dec-11", "11-Dec", "12/01/2011", "soon"])
def test_a_text_that_is_no_month_is_found(raw_loans: pd.DataFrame, tmp_path: Path, column: str, text: str) -> None:
    raw_loans.loc[7, column] = text
    raw_loans.to_csv(tmp_path / "loan.csv", index=False)

    with pytest.raises(DatasetError, match=f"'{text}' in the column {column} of loan 8 .* expected a month such as"):
        dataset.read(tmp_path / "loan.csv", progress=False)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m", "%Y-%m-%d %H:%M:%S"])
def test_months_can_be_iso_dates(raw_loans: pd.DataFrame, tmp_path: Path, form: str) -> None:
    expected = dataset.read(saved(raw_loans, tmp_path / "plain.csv"), progress=False)
    for column in ("issue_d", "last_pymnt_d"):
        raw_loans[column] = pd.to_datetime(raw_loans[column], format="%b-%Y").dt.strftime(form)

    pd.testing.assert_frame_equal(dataset.read(saved(raw_loans, tmp_path / "iso.csv"), progress=False), expected)


@pytest.mark.parametrize("column", ["issue_d", "last_pymnt_d"])
@pytest.mark.parametrize("day", ["9999-12-31", "2099-12-31", "1900-01-01", "1970-01-01", "0001-01-01"])
def test_a_date_that_stands_for_a_missing_one_is_found(
    raw_loans: pd.DataFrame, tmp_path: Path, column: str, day: str
) -> None:
    raw_loans.loc[7, column] = day

    message = refusal(saved(raw_loans, tmp_path / "loan.csv"))

    assert f"'{day}' in the column {column} of loan 8" in message
    assert "from Feb-1970 until today" in message


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("outcomes", [[1, 0], [True, False], [1.0, 0.0], ["1", "0"]], ids=str)
def test_an_outcome_of_numbers_is_read_where_its_meaning_is_known(
    raw_loans: pd.DataFrame, tmp_path: Path, kind: str, outcomes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loans, path = raw_loans.assign(loan_status=outcomes * 25), tmp_path / f"loan.{kind}"
    loans.to_parquet(path) if kind == "parquet" else loans.to_csv(path, index=False)

    with pytest.raises(PreparationError, match=r"unknown status '.*' in loan .* add them to RISK_OF_STATUS in"):
        preparation.prepare(dataset.read(path, progress=False))

    monkeypatch.setattr(preparation, "RISK_OF_STATUS", {"1": CreditRisk.RISKY, "0": CreditRisk.SAFE})
    assert [*preparation.risk(dataset.read(path, progress=False)["loan_status"])] == ["risky", "safe"] * 25


def test_an_outcome_of_dates_is_refused(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    raw_loans.assign(loan_status=pd.Timestamp("2015-12-01")).to_parquet(tmp_path / "loan.parquet")

    assert "in the column loan_status, expected texts or numbers" in refusal(tmp_path / "loan.parquet")


def test_infinity_is_refused(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    raw_loans.loc[4, "revol_util"] = float("inf")

    assert "'inf' in the column revol_util of loan 5" in refusal(saved(raw_loans, tmp_path / "loan.csv"))


def test_a_quote_that_never_ends_is_refused(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    path = saved(raw_loans, tmp_path / "loan.csv")
    path.write_text(path.read_text() + '"')

    assert "has a damaged row at line 52" in refusal(path)


@pytest.mark.parametrize("text", ["True", "False"])
def test_a_column_of_booleans_is_refused_as_numbers(raw_loans: pd.DataFrame, tmp_path: Path, text: str) -> None:
    raw_loans["dti"] = text

    assert f"'{text}' in the column dti of loan 1" in refusal(saved(raw_loans, tmp_path / "loan.csv"))


def test_a_column_without_a_name_in_the_header_is_refused(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    path = saved(raw_loans, tmp_path / "loan.csv")
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *("1," + row for row in rows)]))

    assert "expected a number" in refusal(path)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_are_recognised_and_reported(
    raw_loans: pd.DataFrame, tmp_path: Path, delimiter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, plain = tmp_path / "loan.csv", saved(raw_loans, tmp_path / "plain.csv")
    raw_loans.to_csv(path, index=False, sep=delimiter)

    pd.testing.assert_frame_equal(dataset.read(path), dataset.read(plain, progress=False))

    assert "read: delimiter: " in capsys.readouterr().out


def test_parquet_holds_the_same_loans(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    path, plain = tmp_path / "loan.parquet", saved(raw_loans, tmp_path / "plain.csv")
    raw_loans.assign(issue_d=pd.to_datetime(raw_loans["issue_d"], format="%b-%Y")).to_parquet(path)

    pd.testing.assert_frame_equal(dataset.read(path, progress=False), dataset.read(plain, progress=False))


def test_signs_and_spellings_are_read_and_reported(
    raw_loans: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = saved(raw_loans, tmp_path / "plain.csv")
    raw_loans["int_rate"] = raw_loans["int_rate"].map("{}%".format)
    raw_loans["term"] = raw_loans["term"].str.strip()

    read = dataset.read(saved(raw_loans, tmp_path / "loan.csv"))

    pd.testing.assert_frame_equal(read, dataset.read(plain, progress=False))
    printed = capsys.readouterr().out
    assert "read: int_rate: per cent signs removed in 50 rows" in printed
    assert "read: term: categories recognised in another spelling in 50 rows" in printed


def test_fractions_in_place_of_per_cent_need_a_decision(raw_loans: pd.DataFrame, tmp_path: Path) -> None:
    plain = saved(raw_loans, tmp_path / "plain.csv")
    path = saved(raw_loans.assign(int_rate=(raw_loans["int_rate"] / 100).round(6)), tmp_path / "loan.csv")

    assert "--percent-as fraction" in refusal(path)

    read = dataset.read(path, progress=False, stated=Stated(per_cent="fraction"))
    pd.testing.assert_frame_equal(read, dataset.read(plain, progress=False))


def test_a_comma_that_first_appears_in_later_loans_needs_a_decision(
    raw_loans: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "_SAMPLE_ROWS", 20)
    loans = raw_loans.assign(annual_inc=["53000"] * 40 + ["53,000"] * 10)
    path = saved(loans, tmp_path / "loan.csv")

    assert "Give --decimal comma or --decimal point" in refusal(path)

    read = dataset.read(path, progress=False, stated=Stated(decimal="point"))
    assert (read["annual_inc"] == 53_000).all()


def test_the_fingerprint_is_what_sha256sum_prints(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")

    assert dataset.fingerprint(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_fingerprint_of_a_folder_is_that_of_its_files_one_after_the_other(tmp_path: Path) -> None:
    folder, whole = tmp_path / "loans", tmp_path / "whole"
    folder.mkdir()
    for name, content in {"1.csv": b"ab", "2.csv": b"c", "_SUCCESS": b"skipped"}.items():
        (folder / name).write_bytes(content)
    whole.write_bytes(b"abc")

    assert dataset.fingerprint(folder) == dataset.fingerprint(folder / "*.csv") == dataset.fingerprint(whole)
