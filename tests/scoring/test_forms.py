"""Files that mean the same loans in the forms that people have: the same scores, and each form is reported."""

import bz2
import csv
import gzip
import json
import lzma
import re
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit_risk_model.features import FEATURES
from credit_risk_model.loan_files import survey
from credit_risk_model.scoring.__main__ import main
from credit_risk_model.training import synthetic
from tests.conftest import ROOT

SHARED = ROOT.parent / "shared"
CASES = SHARED / "cases" / "files" / "make_cases.py"
Frame = pd.DataFrame

Scored = tuple[list[dict[str, str]], list[str]]


def scored(given: Path, folder: Path, *arguments: str) -> Scored:
    """Score a file; return the scores, and the ids of the rejects."""
    out = folder / f"{given.name.replace('*', 'all')}.scored.csv"
    assert main([str(given), str(out), *arguments]) == 3
    with out.open(newline="") as file, out.with_name(f"{out.name}.rejects.csv").open(newline="") as rejects:
        return list(csv.DictReader(file)), [row["id"] for row in csv.DictReader(rejects)]


def forms(given: Path, folder: Path) -> list[str]:
    summary = json.loads((folder / f"{given.name.replace('*', 'all')}.scored.csv.summary.json").read_text())
    return [*summary["read_as"], *(f"{form} in {rows}" for form, rows in summary["forms"].items())]


@pytest.fixture(scope="module")
def frame() -> Frame:
    """Synthetic loans in the texts of a CSV file."""
    loans = synthetic.loans(300)
    return loans.assign(emp_length=loans["emp_length"].fillna("")).astype(str).replace("nan", "")


@pytest.fixture(scope="module")
def plain(frame: Frame, tmp_path_factory: pytest.TempPathFactory) -> Scored:
    folder = tmp_path_factory.mktemp("plain")
    frame.to_csv(folder / "plain.csv", index=False)
    return scored(folder / "plain.csv", folder)


def changed(frame: Frame, **columns: Callable[[pd.Series], pd.Series]) -> Frame:
    return frame.assign(**{name: function(frame[name]) for name, function in columns.items()})


def text(frame: Frame, **options: Any) -> str:
    return str(frame.to_csv(index=False, lineterminator="\n", **options))


def amount(column: pd.Series) -> pd.Series:
    return column.astype(float).map("{:,.2f}".format)


def years(column: pd.Series) -> pd.Series:
    """Return employment as numbers."""
    return column.replace({"10+ years": "12", "< 1 year": "0"}).str.replace(r" years?", "", regex=True)


def in_title_case(column: pd.Series) -> pd.Series:
    return column.str.title()


def with_spaces(column: pd.Series) -> pd.Series:
    return column.str.replace("_", " ")


def with_comma(column: pd.Series) -> pd.Series:
    return column.str.replace(".", ",")


PER_CENT: dict[str, Callable[[pd.Series], pd.Series]] = {
    "int_rate": lambda column: " " + column + "%",
    "revol_util": lambda column: (column + "%").replace("%", ""),
}
GERMAN = dict.fromkeys(["int_rate", "dti", "revol_util", "last_pymnt_amnt", "total_pymnt_inv"], with_comma)
SECTION = "Loans that do not meet the credit policy,,,"
BANNER = "Notes offered by Prospectus (a link)\n"
FOOTER = "\n\nTotal amount funded in policy code 1: 460296150\nTotal amount funded in policy code 2: 0\n"

# The name of the file, its content, and a form that must be reported.
FORMS: dict[str, tuple[str, Callable[[Frame], str | bytes], str]] = {
    "per cent signs": ("in.csv", lambda f: text(changed(f, **PER_CENT)), "int_rate: per cent signs removed in 300"),
    "dollars": (
        "in.csv", lambda f: text(changed(f, annual_inc=lambda c: "$" + amount(c))),
        "annual_inc: dollar signs removed in 300",
    ),
    **{
        f"thousands separated by {mark!r}": (
            "in.csv",
            lambda f, mark=mark: text(changed(f, annual_inc=lambda c: amount(c).str.replace(",", mark))),  # type: ignore[misc]  # bound at once
            "annual_inc: thousands separators removed in 300",
        )
        for mark in (",", " ", "'", "\u00a0")
    },
    "term without months": (
        "in.csv", lambda f: text(changed(f, term=lambda c: c.str.extract(r"(\d+)")[0])),
        "term: categories recognised in another spelling in 300",
    ),
    "years as numbers": (
        "in.csv",
        lambda f: text(changed(f, emp_length=years)),
        "emp_length: categories recognised in another spelling",
    ),
    "other case": (
        "in.csv", lambda f: text(changed(f, home_ownership=in_title_case, purpose=with_spaces)),
        "home_ownership: categories recognised in another spelling",
    ),
    "official export": (
        "in.csv", lambda f: BANNER + text(f, quoting=csv.QUOTE_ALL) + FOOTER,
        "before the header: skipped 'Notes offered by Prospectus (a link)'",
    ),
    "section": (
        "in.csv",
        lambda f: text(f.head(200)) + f"\n{SECTION}\n" + text(f.tail(100), header=False),
        "",
    ),
    "two files in one": (
        "in.csv", lambda f: text(f.head(200)) + text(f.tail(100)), "",
    ),
    "bare CR before CR LF": (
        "in.csv", lambda f: text(f).replace("\n", "\r", 200).replace("\n", "\r\n"), "line ends: CR",
    ),
    "bare CR and LF in quotes": (
        "in.csv", lambda f: text(f.assign(desc="a\nb")).replace("\n", "\r").replace("a\rb", "a\nb"), "line ends: CR",
    ),
    "CR CR LF": ("in.csv", lambda f: text(f).replace("\n", "\r\r\n"), ""),
    "bare CR": ("in.csv", lambda f: text(f).replace("\n", "\r"), "line ends: CR"),
    "CR LF": ("in.csv", lambda f: text(f).replace("\n", "\r\n"), ""),
    "UTF-16": ("in.csv", lambda f: text(f).encode("utf-16"), "encoding: utf-16"),
    "UTF-8 with two marks": ("in.csv", lambda f: "\ufeff\ufeff" + text(f), "column names: 1 differ"),
    "UTF-8 with mark": ("in.csv", lambda f: text(f).encode("utf-8-sig"), ""),
    "UTF-16 in gzip": ("in.gz", lambda f: gzip.compress(text(f).encode("utf-16")), "gzip: unpacked"),
    "semicolon": ("in.csv", lambda f: text(f, sep=";"), "delimiter: semicolon"),
    "semicolon and decimal comma": (
        "in.csv", lambda f: text(changed(f, **GERMAN), sep=";"), "int_rate: decimal commas read in 300",
    ),
    "points between thousands": (
        "in.csv",
        lambda f: text(
            changed(f, **GERMAN, annual_inc=lambda c: c.astype(float).map("{:,.0f}".format).str.replace(",", ".")),
            sep=";",
        ),
        "annual_inc: thousands separators removed in 300",
    ),
    "tab": ("in.tsv", lambda f: text(f, sep="\t"), "delimiter: tab"),
    "bz2": ("in.bz2", lambda f: bz2.compress(text(f).encode()), "bz2: unpacked"),
    "xz": ("in.xz", lambda f: lzma.compress(text(f).encode()), "xz: unpacked"),
    "zst": ("in.zst", lambda f: pa.compress(text(f).encode(), "zstd", asbytes=True), "zst: unpacked"),
    "upper case names": ("in.csv", lambda f: text(f.rename(columns=str.upper)), "column names: 17 differ in case"),
    "padded names": ("in.csv", lambda f: text(f.rename(columns=" {}_".format)), "column names: 17 differ in case"),
    "loan_id": ("in.csv", lambda f: text(f.rename(columns={"id": "loan_id"})), "column names: loan_id is the id"),
    "trailing comma": (
        "in.csv", lambda f: text(f).replace("\n", ",\n").replace(",\n", "\n", 1), "end of rows: 1 empty values dropped",
    ),
    "trailing comma in the header too": ("in.csv", lambda f: text(f).replace("\n", ",\n"), ""),
    "blank first line": ("in.csv", lambda f: "\n" + text(f), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("chunk_rows", [100_000, 70])
def test_a_text_file_in_another_form_gives_the_same_scores(
    frame: Frame, plain: Scored, tmp_path: Path, name: str, chunk_rows: int
) -> None:
    file_name, content, form = FORMS[name]
    written = content(frame)
    (tmp_path / file_name).write_bytes(written if isinstance(written, bytes) else written.encode())

    assert scored(tmp_path / file_name, tmp_path, "--chunk-rows", str(chunk_rows)) == plain

    assert any(each.startswith(form) for each in forms(tmp_path / file_name, tmp_path)) or not form


def test_a_zip_file_with_one_member_is_read_and_one_with_two_is_refused(
    frame: Frame, plain: Scored, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/loan.csv", text(frame))
        for hidden in ("folder/.DS_Store", "__MACOSX/folder/._loan.csv"):
            archive.writestr(hidden, "not data")
    assert scored(path, tmp_path) == plain

    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.csv", text(frame))

    assert main([str(path), str(tmp_path / "out.csv")]) == 1
    assert "is a zip file with 2 members, expected one" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["in.gz", "in.bz2", "in.xz", "in.zip", "in.zst"])
def test_a_damaged_compressed_file_is_named(
    frame: Frame, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = text(pd.concat([frame] * 4)).encode()
    packers: dict[str, Callable[[bytes], bytes]] = {
        "in.gz": gzip.compress, "in.bz2": bz2.compress, "in.xz": lzma.compress,
        "in.zst": lambda given: pa.compress(given, "zstd", asbytes=True),
    }  # fmt: skip
    path = tmp_path / name
    if name == "in.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("loan.csv", content)
        packed = path.read_bytes()
    else:
        packed = packers[name](content)
    path.write_bytes(packed[: len(packed) // 2])

    assert main([str(path), str(tmp_path / "out.csv")]) == 1

    assert f"is a damaged {'gzip' if name == 'in.gz' else name[3:]} file" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


@pytest.fixture(scope="module")
def typed(frame: Frame, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    path = tmp_path_factory.mktemp("typed") / "loans.csv"
    frame.to_csv(path, index=False)
    table = pa.Table.from_pandas(pd.read_csv(path), preserve_index=False)
    names = ["id", *(feature.column for feature in FEATURES)]
    return table.select(names)


WRITTEN = pa.string()


def cast(table: pa.Table, to: Callable[[pa.DataType], pa.DataType]) -> pa.Table:
    columns = [column.cast(to(column.type)) for column in table.columns]
    return pa.table(columns, table.column_names)


def unsigned(table: pa.Table, text_type: pa.DataType = WRITTEN) -> pa.Table:
    """Return the table with dictionaries as polars writes its Categorical and Enum: with unsigned indices."""
    columns = []
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            encoded = column.combine_chunks().dictionary_encode()
            column = pa.DictionaryArray.from_arrays(
                encoded.indices.cast(pa.uint32()), encoded.dictionary.cast(text_type)
            )
        columns.append(column)
    return pa.table(columns, table.column_names)


def texts(kind: pa.DataType) -> Callable[[pa.DataType], pa.DataType]:
    return lambda given: kind if pa.types.is_string(given) or pa.types.is_large_string(given) else given


WRITERS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "as it is": lambda table: table,
    "string_view": lambda table: cast(table, texts(pa.string_view())),
    "large_string": lambda table: cast(table, texts(pa.large_string())),
    "binary": lambda table: cast(table, texts(pa.binary())),
    "dictionary": unsigned,
    **{
        f"decimal {digits}": lambda table, digits=digits: table.set_column(  # type: ignore[misc]  # bound at once
            table.column_names.index("int_rate"), "int_rate", table["int_rate"].cast(pa.decimal128(20, digits))
        )
        for digits in (4, 6, 12)
    },
    "unsigned": lambda table: table.set_column(
        table.column_names.index("delinq_2yrs"), "delinq_2yrs", table["delinq_2yrs"].cast(pa.uint8())
    ),
    "boolean": lambda table: table.set_column(
        table.column_names.index("acc_now_delinq"), "acc_now_delinq", pa.array([False] * len(table))
    ),
    "text numbers": lambda table: table.set_column(
        table.column_names.index("int_rate"),
        "int_rate",
        pa.array([f"{rate}%" for rate in table["int_rate"].to_pylist()]),
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_parquet_and_arrow_of_other_writers_give_the_same_scores(
    typed: pa.Table, plain: Scored, tmp_path: Path, writer: str, kind: str
) -> None:
    table, path = WRITERS[writer](typed), tmp_path / f"in.{kind}"
    if kind == "arrow":
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=90)
    else:
        pq.write_table(table, path, row_group_size=90)

    answers, rejects = scored(path, tmp_path, "--chunk-rows", "70")

    if writer != "boolean":
        assert (answers, rejects) == plain
    assert len(answers) + len(rejects) == len(typed)


def test_arrow_with_dictionaries_of_string_view_gives_the_same_scores(
    typed: pa.Table, plain: Scored, tmp_path: Path
) -> None:
    table = unsigned(typed, pa.string_view())  # what polars writes; pyarrow writes no such Parquet
    with pa.ipc.new_file(tmp_path / "in.arrow", table.schema) as file:
        file.write_table(table)

    assert scored(tmp_path / "in.arrow", tmp_path) == plain


@pytest.mark.parametrize("kind", [pa.float64(), pa.timestamp("us"), pa.decimal128(22, 2), pa.uint64(), pa.bool_()])
@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_an_id_of_any_type_is_the_same_in_the_scores_and_the_rejects(
    typed: pa.Table, tmp_path: Path, kind: pa.DataType, out: str
) -> None:
    ids = pa.array(range(len(typed))).cast(pa.int64()).cast(kind)
    pq.write_table(typed.set_column(0, "id", ids), tmp_path / "in.parquet")

    assert main([str(tmp_path / "in.parquet"), str(tmp_path / out)]) == 3

    with (tmp_path / f"{out}.rejects.csv").open(newline="") as file:
        rejected = [row["id"] for row in csv.DictReader(file)]
    if out == "out.parquet":
        assert pq.read_schema(tmp_path / out).field("id").type == kind
        written = pq.read_table(tmp_path / out).column("id").cast(pa.string()).to_pylist()
    else:
        with (tmp_path / out).open(newline="") as file:
            written = [row["id"] for row in csv.DictReader(file)]
    assert sorted(written + rejected) == sorted(ids.cast(pa.string()).to_pylist())


def test_a_uuid_is_an_id(typed: pa.Table, tmp_path: Path) -> None:
    ids = [uuid.UUID(int=number) for number in range(len(typed))]
    array = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([each.bytes for each in ids], pa.binary(16)))
    pq.write_table(typed.set_column(0, "id", array), tmp_path / "in.parquet")

    answers, rejects = scored(tmp_path / "in.parquet", tmp_path)

    assert sorted([*(row["id"] for row in answers), *rejects]) == sorted(map(str, ids))


def test_the_parts_of_a_folder_or_a_pattern_are_one_file(frame: Frame, plain: Scored, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for number in range(3):
        (folder / f"part-{number}.csv").write_text(text(frame.iloc[number * 100 : number * 100 + 100]))
    (folder / "_SUCCESS").touch()
    (folder / ".part-0.csv.crc").write_bytes(b"crc")

    assert scored(folder, tmp_path) == plain
    assert scored(folder / "part-*.csv", tmp_path) == plain

    with (tmp_path / "parts.scored.csv.rejects.csv").open(newline="") as file:
        rejects = list(csv.DictReader(file))
    assert {row["file"] for row in rejects} == {"part-0.csv", "part-1.csv", "part-2.csv"}
    assert all(2 <= int(row["line"]) <= 101 for row in rejects)


def test_parts_of_another_schema_are_refused(frame: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "1.csv").write_text(text(frame))
    (folder / "2.csv").write_text(text(frame.drop(columns="id")))

    assert main([str(folder), str(tmp_path / "out.csv")]) == 1

    assert "differs from" in capsys.readouterr().err


@pytest.mark.parametrize("column", ["int_rate", "revol_util", "dti"])
def test_fractions_are_refused_with_the_option_that_decides(
    frame: Frame, plain: Scored, tmp_path: Path, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fractions = (pd.to_numeric(frame[column]) / 100).map("{:.6g}".format).replace("nan", "")
    (tmp_path / "in.csv").write_text(text(frame.assign(**{column: fractions})))

    if column != "dti":  # some synthetic ratios are 9,999, which means that the ratio is unknown
        assert main([str(tmp_path / "in.csv"), str(tmp_path / "out.csv")]) == 1
        error = capsys.readouterr().err
        assert f"in the column {column}, which is in per cent: they look like fractions" in error
        assert "--percent-as fraction" in error

        assert scored(tmp_path / "in.csv", tmp_path, "--percent-as", "fraction") == plain
        assert f"{column}: fractions multiplied by 100" in forms(tmp_path / "in.csv", tmp_path)


def test_a_few_small_numbers_are_not_taken_for_fractions(frame: Frame, tmp_path: Path) -> None:
    few = frame.head(2).assign(revol_util="0.3", emp_length="1 year", dti="12", annual_inc="50000")
    (tmp_path / "in.csv").write_text(text(few))

    assert main([str(tmp_path / "in.csv"), str(tmp_path / "out.csv")]) == 0


def test_an_unclear_comma_is_refused_with_the_option_that_decides(
    frame: Frame, plain: Scored, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_commas = frame.assign(annual_inc=frame["annual_inc"].astype(float).map("{:,.0f}".format))
    (tmp_path / "in.csv").write_text(text(with_commas[with_commas["annual_inc"].str.len() < 8], sep=";"))

    assert main([str(tmp_path / "in.csv"), str(tmp_path / "out.csv")]) == 1

    assert "Give --decimal comma or --decimal point" in capsys.readouterr().err
    answers, _ = scored(tmp_path / "in.csv", tmp_path, "--decimal", "point")
    assert answers == [row for row in plain[0] if row in answers]
    assert len(answers) > 200


@pytest.mark.parametrize("sep", [",", ";"])
@pytest.mark.parametrize("shows", [["28,27"], ["28,27", "28.27"]], ids=["all", "some"])
@pytest.mark.parametrize("value", ["12,300", "$12,300", " 1,000 "])
def test_a_decimal_comma_in_one_column_does_not_decide_for_another(
    frame: Frame, tmp_path: Path, sep: str, shows: list[str], value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loans = frame.assign(dti=shows * (300 // len(shows)), annual_inc=value)
    (tmp_path / "in.csv").write_text(text(loans, sep=sep))

    assert main([str(tmp_path / "in.csv"), str(tmp_path / "out.csv")]) == 1

    error = capsys.readouterr().err
    assert f"has {value.strip()!r} in the column annual_inc" in error
    assert "Give --decimal comma or --decimal point" in error


def test_points_between_thousands_are_not_reported_as_decimal_commas(frame: Frame, tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text(text(frame.assign(annual_inc="53000")))
    (tmp_path / "in.csv").write_text(text(changed(frame.assign(annual_inc="53.000"), **GERMAN), sep=";"))

    assert scored(tmp_path / "in.csv", tmp_path) == scored(tmp_path / "plain.csv", tmp_path)

    reported = forms(tmp_path / "in.csv", tmp_path)
    assert [form for form in reported if form.startswith("annual_inc")] == [
        "annual_inc: points read as thousands separators",
        "annual_inc: thousands separators removed in 300",
    ]
    assert "int_rate: decimal commas read" in reported


@pytest.mark.parametrize("value", ["1,234,567", "12,300.50"])
def test_a_column_that_shows_its_thousands_is_read_next_to_decimal_commas(
    frame: Frame, tmp_path: Path, value: str
) -> None:
    incomes = [value, *["53,000"] * 299]
    (tmp_path / "plain.csv").write_text(text(frame.assign(annual_inc=[each.replace(",", "") for each in incomes])))
    (tmp_path / "in.csv").write_text(text(changed(frame.assign(annual_inc=incomes), **GERMAN), sep=";"))

    assert scored(tmp_path / "in.csv", tmp_path) == scored(tmp_path / "plain.csv", tmp_path)


def test_quoted_thousands_are_read_where_no_column_shows_a_decimal_comma(frame: Frame, tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text(text(frame.assign(annual_inc="53000")))
    (tmp_path / "in.csv").write_text(text(frame.assign(annual_inc="53,000")))

    assert scored(tmp_path / "in.csv", tmp_path) == scored(tmp_path / "plain.csv", tmp_path)


def test_one_odd_comma_does_not_change_the_column(frame: Frame, plain: Scored, tmp_path: Path) -> None:
    rates = frame["int_rate"].copy()
    rates.iloc[5] = "12,5"
    (tmp_path / "in.csv").write_text(text(frame.assign(int_rate=rates)))

    answers, rejects = scored(tmp_path / "in.csv", tmp_path)

    odd = frame["id"].iloc[5]
    assert answers == [row for row in plain[0] if row["id"] != odd]
    assert odd in rejects


@pytest.fixture
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """A survey of the first 100 rows, so that 300 loans have later ones."""
    monkeypatch.setattr(survey, "_SAMPLE_ROWS", 100)
    monkeypatch.setattr(survey, "_MOST_ROWS", 100)


def later(frame: Frame, column: str, value: str, rows: int = 9) -> Frame:
    """Return the loans with this value in rows after the survey."""
    values = frame[column].to_numpy(copy=True)
    values[200 : 200 + rows] = value
    return frame.assign(**{column: values})


def refusal(given: Frame, folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str, sep: str = ",") -> str:
    """Return the error of a file that is refused before anything is published."""
    (folder / "later.csv").write_text(text(given, sep=sep))
    shutil.rmtree(folder / "out.csv.chunks", ignore_errors=True)
    for arguments_ in ((str(folder / "later.csv"), "--check"), (str(folder / "later.csv"), str(folder / "out.csv"))):
        assert main([*arguments_, "--chunk-rows", "150", *arguments]) == 1
    assert not list(folder.glob("out.csv*.csv"))
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.usefixtures("small_sample")
@pytest.mark.parametrize("sep", [",", ";"])
@pytest.mark.parametrize(("column", "value"), [("annual_inc", "12,345"), ("last_pymnt_amnt", "1,234")])
def test_a_comma_that_first_appears_in_later_rows_is_refused_with_the_option_that_decides(
    frame: Frame, tmp_path: Path, sep: str, column: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = frame.assign(annual_inc="53000")

    error = refusal(later(given, column, value), tmp_path, capsys, sep=sep)

    assert f"has {value!r} in the column {column}, whose comma may be a decimal comma" in error
    assert "Give --decimal comma or --decimal point" in error
    (tmp_path / "plain.csv").write_text(text(later(given, column, value.replace(",", ""))))
    assert scored(tmp_path / "later.csv", tmp_path, "--decimal", "point") == scored(tmp_path / "plain.csv", tmp_path)


@pytest.mark.usefixtures("small_sample")
@pytest.mark.parametrize("value", ["12,345", "12,49"])
def test_a_decimal_comma_that_first_appears_in_later_rows_is_read_where_it_is_stated(
    frame: Frame, tmp_path: Path, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = frame.assign(dti="12")
    (tmp_path / "plain.csv").write_text(text(later(given, "dti", value.replace(",", "."))))

    assert "in the column dti" in refusal(later(given, "dti", value), tmp_path, capsys, sep=";")

    arguments = ("--decimal", "comma")
    assert scored(tmp_path / "later.csv", tmp_path, *arguments) == scored(tmp_path / "plain.csv", tmp_path)


@pytest.mark.usefixtures("small_sample")
@pytest.mark.parametrize(
    ("income", "dti"),
    [
        ("12.345", "12"),  # is its point between thousands?
        ("12,345", "12"),  # is its comma decimal?
        ("12,345", "12.49"),
    ],
)
def test_a_later_decimal_comma_that_may_give_the_first_rows_another_meaning_is_refused(
    frame: Frame, tmp_path: Path, income: str, dti: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = later(frame.assign(annual_inc=income, dti=dti), "dti", "12,49")

    assert "has '12,49' in the column dti, whose comma may be a decimal comma" in refusal(given, tmp_path, capsys)


@pytest.mark.usefixtures("small_sample")
@pytest.mark.parametrize(("value", "read"), [("53.000", "53000"), ("53000,5", "53000.5"), ("53.000,50", "53000.5")])
def test_the_first_numbers_with_marks_in_a_file_with_decimal_commas_are_read_as_the_others(
    frame: Frame, tmp_path: Path, value: str, read: str
) -> None:
    given = frame.assign(annual_inc="53000")
    (tmp_path / "plain.csv").write_text(text(later(given, "annual_inc", read)))
    (tmp_path / "in.csv").write_text(text(later(changed(given, **GERMAN), "annual_inc", value), sep=";"))

    assert scored(tmp_path / "in.csv", tmp_path) == scored(tmp_path / "plain.csv", tmp_path)


@pytest.mark.usefixtures("small_sample")
@pytest.mark.parametrize("value", ["1,234,567", "12,345.50"])
def test_later_thousands_of_one_meaning_are_read(frame: Frame, tmp_path: Path, value: str) -> None:
    (tmp_path / "plain.csv").write_text(text(later(frame, "annual_inc", value.replace(",", ""))))
    (tmp_path / "in.csv").write_text(text(later(frame, "annual_inc", value)))

    assert scored(tmp_path / "in.csv", tmp_path) == scored(tmp_path / "plain.csv", tmp_path)


@pytest.mark.usefixtures("small_sample")
def test_one_odd_comma_in_later_rows_is_rejected(frame: Frame, plain: Scored, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(text(later(frame, "int_rate", "12,5", rows=1)))

    answers, rejects = scored(tmp_path / "in.csv", tmp_path)

    odd = frame["id"].iloc[200]
    assert answers == [row for row in plain[0] if row["id"] != odd]
    assert odd in rejects


@pytest.mark.usefixtures("small_sample")
@pytest.mark.parametrize("first", ["0", "as it is"])
def test_fractions_that_first_appear_in_later_rows_are_refused_with_the_option_that_decides(
    frame: Frame, tmp_path: Path, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = frame if first == "as it is" else frame.assign(revol_util=first)

    error = refusal(later(given, "revol_util", "0.13", rows=100), tmp_path, capsys, "--chunk-rows", "100")

    assert "only numbers up to 0.13 in the column revol_util, which is in per cent" in error
    assert "Give --percent-as fraction" in error
    if first == "as it is":
        error = refusal(
            later(given, "revol_util", "0.13", rows=100),
            tmp_path,
            capsys,
            "--chunk-rows",
            "100",
            "--percent-as",
            "fraction",
        )
        assert "give --percent-as per-cent. Otherwise, put the two kinds of rows into separate files" in error
    else:
        (tmp_path / "plain.csv").write_text(text(later(given, "revol_util", "13", rows=100)))
        arguments = ("--percent-as", "fraction")
        assert scored(tmp_path / "later.csv", tmp_path, *arguments) == scored(tmp_path / "plain.csv", tmp_path)


@pytest.mark.usefixtures("small_sample")
def test_a_part_file_with_fractions_is_refused(
    frame: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "1.csv").write_text(text(frame))
    (folder / "2.csv").write_text(text(frame.assign(int_rate="0.1249")))

    assert main([str(folder), str(tmp_path / "out.csv")]) == 1

    assert "in the column int_rate, which is in per cent: they look like fractions" in capsys.readouterr().err


@pytest.mark.usefixtures("small_sample")
@pytest.mark.parametrize(("value", "rows"), [("5%", 1), ("5.2", 150)])
def test_per_cent_after_fractions_is_refused(
    frame: Frame, tmp_path: Path, value: str, rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    given = later(frame.assign(revol_util="0.13"), "revol_util", value, rows=rows)

    error = refusal(given, tmp_path, capsys, "--percent-as", "fraction")

    assert "has per cent and fractions in the column revol_util. Put the two kinds of rows into separate files" in error


@pytest.mark.usefixtures("small_sample")
def test_decimal_commas_after_decimal_points_are_refused_though_commas_are_stated(
    frame: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = later(frame.assign(dti="12.49"), "dti", "12,49")

    error = refusal(given, tmp_path, capsys, "--decimal", "comma", sep=";")

    assert "has '12,49' in the column dti" in error
    assert "Put the two kinds of rows into separate files" in error


@pytest.mark.usefixtures("small_sample")
@pytest.mark.parametrize("row", [5, 250])
def test_one_decimal_comma_in_a_column_with_thousands_is_rejected(
    frame: Frame, tmp_path: Path, plain: Scored, row: int
) -> None:
    odd = frame["id"].iloc[row]
    amounts = frame["annual_inc"].where(frame["id"] != odd, "5,4")
    amounts = amounts.where(
        frame.index % 2 == 0, amounts.map(lambda each: each if "," in each else f"{float(each):,.2f}")
    )
    (tmp_path / "in.csv").write_text(text(frame.assign(annual_inc=amounts)))

    answers, rejects = scored(tmp_path / "in.csv", tmp_path)

    assert odd in rejects
    assert answers == [each for each in plain[0] if each["id"] != odd]


@pytest.mark.parametrize("name", ["loan_amnt", "LOAN_AMNT"])
def test_an_input_can_be_the_id(frame: Frame, tmp_path: Path, name: str) -> None:
    (tmp_path / "in.csv").write_text(text(frame))

    answers, _ = scored(tmp_path / "in.csv", tmp_path, "--id", name)

    assert answers[0]["id"] == frame["loan_amnt"].iloc[0]


def test_a_check_names_decimal_commas_only_where_they_can_be(
    frame: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text(text(frame.assign(annual_inc="53000", dti="12,49"), sep=";"))

    main([str(tmp_path / "in.csv"), "--check", "--decimal", "comma", "--accept-rejects"])

    shown = capsys.readouterr().out
    assert re.search(r"dti .*number, decimal comma", shown)
    assert not re.search(r"annual_inc .*decimal comma", shown)


def test_a_row_with_a_value_after_the_last_column_is_rejected(frame: Frame, plain: Scored, tmp_path: Path) -> None:
    """An empty value at the end of all first rows is dropped, but a row with a surplus comma has another one there."""
    header, *lines = text(frame.assign(inq_last_12m="1")).splitlines()
    shifted = lines[250].replace(",", ",0,", 1)
    lines = [line + "," for line in lines]
    for number, rows in enumerate(([shifted], [shifted, '"unusual" quotes' + "," * header.count(",") + ","])):
        path = tmp_path / f"{number}.csv"
        path.write_text("\n".join([header, *lines[:250], *rows, *lines[251:]]) + "\n")

        answers, rejects = scored(path, tmp_path)

        assert answers == [row for row in plain[0] if row["id"] != frame["id"].iloc[250]]
        assert len(answers) + len(rejects) == 299 + len(rows)
        assert "after the last column" in (tmp_path / f"{number}.csv.scored.csv.rejects.csv").read_text()


@pytest.mark.usefixtures("small_sample")
def test_an_interrupted_run_is_not_resumed_with_another_meaning(
    frame: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal(later(frame.assign(annual_inc="53000"), "annual_inc", "12,345"), tmp_path, capsys)

    again = [str(tmp_path / "later.csv"), str(tmp_path / "out.csv"), "--chunk-rows", "150", "--resume"]
    assert main([*again, "--decimal", "comma"]) == 1

    assert "--decimal was not given, is now comma" in capsys.readouterr().err


def test_another_encoding_is_read_where_it_is_given(frame: Frame, plain: Scored, tmp_path: Path) -> None:
    named = frame.rename(columns={"id": "numéro"})
    (tmp_path / "in.csv").write_bytes(text(named).encode("latin-1"))

    assert scored(tmp_path / "in.csv", tmp_path, "--encoding", "latin-1", "--id", "numéro") == plain


@pytest.mark.parametrize("blank", ["", "  "])
def test_an_empty_id_is_replaced_by_the_line(frame: Frame, tmp_path: Path, blank: str) -> None:
    (tmp_path / "in.csv").write_text(text(frame.assign(id=blank)))
    (tmp_path / "some.csv").write_text(text(frame.assign(id=[*frame["id"].head(299), blank])))

    answers, rejects = scored(tmp_path / "in.csv", tmp_path)
    some, _ = scored(tmp_path / "some.csv", tmp_path)

    assert sorted(int(row["id"]) for row in answers) + sorted(map(int, rejects)) != []
    assert {*(row["id"] for row in answers), *rejects} == set(map(str, range(2, 302)))
    assert "id: empty, so the line is the id" in forms(tmp_path / "in.csv", tmp_path)
    assert some[-1]["id"] in ("line 301", frame["id"].iloc[298])
    assert "id: missing in 1" in forms(tmp_path / "some.csv", tmp_path)


@pytest.mark.parametrize("parts", [1, 2])
def test_ids_that_only_later_rows_have_are_kept(
    frame: Frame, tmp_path: Path, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "_SAMPLE_ROWS", 100)
    monkeypatch.setattr(survey, "_MOST_ROWS", 100)
    folder = tmp_path / "parts"
    folder.mkdir()
    given = frame.assign(id=[""] * 200 + list(frame["id"].tail(100)))
    for number in range(parts):
        size = 300 // parts
        (folder / f"{number}.csv").write_text(text(given.iloc[number * size : number * size + size]))
    path = folder if parts > 1 else folder / "0.csv"

    answers, rejects = scored(path, tmp_path, "--chunk-rows", "100")

    ids = {*(row["id"] for row in answers), *rejects}
    assert ids > set(frame["id"].tail(100))
    assert len(ids) == 300
    assert "id: missing in 200" in forms(path, tmp_path)
    assert not any("so the line is the id" in form for form in forms(path, tmp_path))


def test_an_empty_id_in_parquet_is_replaced_by_the_line(typed: pa.Table, tmp_path: Path) -> None:
    pq.write_table(typed.set_column(0, "id", pa.array([""] * len(typed))), tmp_path / "in.parquet")

    answers, rejects = scored(tmp_path / "in.parquet", tmp_path)

    assert {*(row["id"] for row in answers), *rejects} == set(map(str, range(1, 301)))


def test_a_missing_id_column_is_reported(frame: Frame, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(text(frame.drop(columns="id")))

    scored(tmp_path / "in.csv", tmp_path)

    assert "id: no such column, so the line is the id" in forms(tmp_path / "in.csv", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-", "out.csv"), "standard input and output are not supported"),
        (("in.csv", "s3://bucket/out.csv"), "is a URL, which is not supported"),
        (("s3://bucket/in.csv", "out.csv"), "is a URL, which is not supported"),
        (("in.csv",), "OUT is missing"),
        (("in.csv", "out.csv", "--check"), "--check writes nothing"),
        (("in.csv", "out.csv", "--sample", "9"), "--sample needs --check"),
        (("in.csv", "out.csv", "--encoding", "utf-99"), "Python knows no encoding 'utf-99'"),
        (("in.csv", "out.csv", "--encoding", "base64"), "Python knows no encoding 'base64'"),
    ],
)
def test_arguments_that_cannot_be_used_end_with_2(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(list(arguments))

    assert words in capsys.readouterr().err


def test_a_pipe_is_refused(frame: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/dev/null", str(tmp_path / "out.csv")]) == 1

    assert "is a pipe or a device, which cannot be read twice" in capsys.readouterr().err


def test_a_check_shows_columns_and_rejects_and_writes_nothing(
    frame: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text(text(changed(frame, **PER_CENT)))

    assert main([str(tmp_path / "in.csv"), "--check"]) == 3

    printed = capsys.readouterr().out
    assert "int_rate" in printed
    assert "read: int_rate: per cent signs removed in 300 rows" in printed
    assert "rows: emp_length is missing. For example line " in printed
    assert "300 rows = " in printed
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_check_can_read_the_first_rows_only(frame: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.csv").write_text(text(frame))

    main([str(tmp_path / "in.csv"), "--check", "--sample", "50"])

    assert "50 rows = " in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["out.csv"], ["out.csv", "--accept-rejects"], ["--check"]])
def test_a_file_with_mostly_rejected_rows_ends_with_5_and_a_message(
    frame: Frame,
    tmp_path: Path,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text(text(frame.assign(purpose="other things")))

    assert main(["in.csv", *arguments]) == 5

    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("More than half of the rows w")
    assert "purpose is not one of 'car'" in last


def test_rejects_of_another_run_are_not_overwritten(
    frame: Frame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text(text(frame))
    for name in ("out.csv.rejects.csv", "out.csv.summary.json"):
        (tmp_path / name).write_text("of another run")

        assert main([str(tmp_path / "in.csv"), str(tmp_path / "out.csv")]) == 1

        assert "exists already, from another run" in capsys.readouterr().err
        assert (tmp_path / name).read_text() == "of another run"
        (tmp_path / name).unlink()


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not there")
def test_the_shared_cases_give_what_is_expected(tmp_path: Path) -> None:
    cases, base = tmp_path / "cases", SHARED / "data" / "loan.csv.gz"
    subprocess.run([sys.executable, str(CASES), str(base), str(cases)], check=True, capture_output=True)
    expected = json.loads((cases / "expected.json").read_text())
    plain = scored(cases / "00_plain.csv", tmp_path)
    assert len(plain[0]) > 390

    for name, words in expected.items():
        if words.startswith("refused"):
            assert main([str(cases / name), str(tmp_path / "refused.csv")]) == 1, name
        elif name != "00_plain.csv":
            assert scored(cases / name, tmp_path) == plain, name


def test_the_loans_on_a_book_are_read_in_any_form_too(frame: Frame, tmp_path: Path) -> None:
    def iso(column: pd.Series) -> pd.Series:
        return pd.to_datetime(column, format="%b-%Y").dt.strftime("%Y-%m-%d").fillna("")

    other = changed(frame, **PER_CENT, issue_d=iso, last_pymnt_d=iso).rename(columns=str.upper)
    (tmp_path / "plain.csv").write_text(text(frame))
    (tmp_path / "other.csv").write_text(text(other, sep=";"))

    plain = scored(tmp_path / "plain.csv", tmp_path, "--on-book")
    assert scored(tmp_path / "other.csv", tmp_path, "--on-book") == plain
    assert "issue_d: months recognised in another spelling in 300" in forms(tmp_path / "other.csv", tmp_path)


def test_a_month_that_can_be_a_day_is_rejected(frame: Frame, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(text(frame.assign(issue_d="Dec-11")))

    assert main([str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "--on-book"]) == 5

    assert "issue_d is 'Dec-11', expected a month from " in (tmp_path / "out.csv.rejects.csv").read_text()
