"""The command as a script meets it: what comes out, what is rejected, and what it ends with."""

import csv
import gc
import gzip
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import weakref
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit_risk_model import months
from credit_risk_model.features import FEATURES, LOAN, ON_BOOK
from credit_risk_model.loan_files.chunk import Chunk
from credit_risk_model.loan_files.loans import open_loans
from credit_risk_model.prediction import scorer
from credit_risk_model.prediction.loan import CreditRiskModelInput
from credit_risk_model.scoring import engines
from credit_risk_model.scoring.__main__ import main
from credit_risk_model.scoring.counts import Counts
from credit_risk_model.scoring.job import Job
from credit_risk_model.scoring.job import score as score_chunk
from credit_risk_model.training import synthetic
from tests.conftest import ROOT, until

RAW = ["id", *(feature.column for feature in FEATURES)]


def score(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        return list(csv.DictReader(file))


def rejects_of(output: Path) -> dict[int, str]:
    return {int(row["line"]): row["reason"] for row in rows_of(output.with_name(f"{output.name}.rejects.csv"))}


def write(path: Path, *loans: dict[str, Any]) -> Path:
    """Write loans by the names of a request, with ids from 1."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", *(feature.field for feature in FEATURES)])
        writer.writeheader()
        writer.writerows({"id": number} | loan for number, loan in enumerate(loans, 1))
    return path


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return synthetic.loans(3_000)


@pytest.fixture(scope="module")
def expected(frame: pd.DataFrame) -> dict[str, float]:
    """The probabilities of the loans that a request would take, but for the cents of an income, by their ids."""
    model, found = scorer.load(), {}
    for row in frame.to_dict("records"):
        loan = {feature.field: row[feature.column] for feature in FEATURES}
        try:
            CreditRiskModelInput(**loan)
        except ValueError:
            continue
        found[str(row["id"])] = float(model.probabilities(LOAN.encode_loans([loan]))[0])
    return found


@pytest.mark.parametrize("output", ["out.csv", "out.csv.gz", "out.parquet"])
@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_rows_that_a_request_would_accept_are_scored_and_others_rejected(
    frame: pd.DataFrame, expected: dict[str, float], tmp_path: Path, kind: str, output: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    given, out = tmp_path / f"in.{kind}", tmp_path / output
    frame.to_parquet(given) if kind == "parquet" else frame.to_csv(given, index=False)

    assert score(given, out, "--chunk-rows", 700) == 3

    if out.suffix == ".parquet":
        answers = [{name: str(value) for name, value in row.items()} for row in pq.read_table(out).to_pylist()]
    else:
        answers = rows_of(out)
    threshold = scorer.load().threshold
    assert {row["id"]: float(row["probability"]) for row in answers} == expected
    assert [row["id"] for row in answers] == [name for name in map(str, frame["id"]) if name in expected]
    assert all((float(row["probability"]) >= threshold) == (row["credit_risk"] == "risky") for row in answers)
    rejected = rejects_of(out)
    first = 1 if kind == "parquet" else 2  # a row's number, or its line below the header
    assert list(rejected) == [first + i for i, name in enumerate(map(str, frame["id"])) if name not in expected]
    assert f"3,000 rows in = {len(expected):,} scored + {len(rejected)} rejected" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {
        given.name, out.name, f"{out.name}.rejects.csv", f"{out.name}.summary.json",
    }  # fmt: skip


def test_the_names_of_a_request_are_known_too(tmp_path: Path, loan: dict[str, Any]) -> None:
    assert score(write(tmp_path / "in.csv", loan, loan), tmp_path / "out.csv") == 0

    assert [row["credit_risk"] for row in rows_of(tmp_path / "out.csv")] == ["safe", "safe"]
    assert rejects_of(tmp_path / "out.csv") == {}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("loan_amount", "", "loan_amount is missing"),
        ("loan_amount", "much", "loan_amount is 'much', expected a number from 500 to 35,000"),
        ("loan_amount", "35001", "loan_amount is '35001', expected a number from 500 to 35,000"),
        ("interest_rate", "nan", "interest_rate is 'nan', expected a number from 5.32 to 28.99"),
        ("interest_rate", "1e999", "interest_rate is '1e999', expected"),
        ("interest_rate", "1_0", "interest_rate is '1_0', expected"),
        ("interest_rate", "٩", "interest_rate is '٩', expected"),
        ("loan_amount", "50%", "loan_amount is '50%', expected"),
        ("term", "48 months", "term is '48 months', expected one of ' 36 months', ' 60 months'"),
        ("employment_length", "n/a", "employment_length is missing"),
        ("home_ownership", "Any", "home_ownership is 'Any', expected one of 'MORTGAGE', 'RENT', 'OWN'; no model was"),
    ],
)  # fmt: skip
def test_the_reason_names_the_column_the_value_and_what_was_expected(
    tmp_path: Path, loan: dict[str, Any], field: str, value: str, reason: str
) -> None:
    given = write(tmp_path / "in.csv", loan, loan | {field: value}, loan)

    assert score(given, tmp_path / "out.csv") == 3

    assert rejects_of(tmp_path / "out.csv")[3].startswith(reason)
    assert [row["id"] for row in rows_of(tmp_path / "out.csv")] == ["1", "3"]


def test_numbers_are_read_alike_beside_a_bad_one(tmp_path: Path, loan: dict[str, Any]) -> None:
    texts = ["12.5", " 12.5 ", "+12.5", "1.25e1", "12.50"]
    loans = [loan | {"interest_rate": text} for text in texts]
    score(write(tmp_path / "bad.csv", *loans, loan | {"interest_rate": "bad"}), tmp_path / "1.csv")
    score(write(tmp_path / "good.csv", *loans), tmp_path / "2.csv")

    assert rows_of(tmp_path / "1.csv") == rows_of(tmp_path / "2.csv")
    assert len({row["probability"] for row in rows_of(tmp_path / "1.csv")}) == 1
    assert len(rows_of(tmp_path / "1.csv")) == 5


@pytest.mark.parametrize("compressed", [False, True])
def test_lines_are_counted_over_quoted_ones(tmp_path: Path, loan: dict[str, Any], compressed: bool) -> None:
    good = ",".join(str(value) for value in loan.values())
    text = (
        f'\ufeffid,"note\nof two lines",{",".join(loan)}\r\n'
        f'a,"one\n""two""\nthree",{good}\r\n'
        "\r\n"
        f"b,5\" pipe,{good}\n"
        f"c,,{good},surplus\n"
        f'd,"x\ny",{good.replace("RENT", "TENT")}\n'
        f"e,car\rriage,{good}\n"
        f"f,,{good}\n"
    )  # fmt: skip
    path = tmp_path / "in.csv"
    path.write_bytes((gzip.compress(text.encode()) if compressed else text.encode()).replace(b"f,,", b"\xfff,,"))
    if compressed:
        path.write_bytes(gzip.compress(text.encode()))

    for rows in (1, 2, 100):
        out = tmp_path / f"{rows}.csv"
        assert score(path, out, "--chunk-rows", rows) == (3 if compressed else 5)

        rejected = rejects_of(out)
        assert {line: reason.split(",")[0].split(":")[0] for line, reason in rejected.items()} == {
            8: "19 values", 9: "home_ownership is 'TENT'", 11: "not valid CSV",
            **({} if compressed else {12: "not valid UTF-8 (give --encoding)"}),
        }  # fmt: skip
        assert [row["id"] for row in rows_of(out)] == ["a", "b"] + (["f"] if compressed else [])


def test_a_quote_that_is_never_closed_is_reported(tmp_path: Path, loan: dict[str, Any]) -> None:
    path = write(tmp_path / "in.csv", *[loan] * 3)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + '"' + "".join(lines[2:]) + "".join(lines[2:3]) * 2_000)

    assert score(path, tmp_path / "out.csv", "--chunk-rows", 50) == 3

    assert "is a quote not closed?" in rejects_of(tmp_path / "out.csv")[3]
    summary = json.loads((tmp_path / "out.csv.summary.json").read_text())["counts"]
    assert summary["rows"] == summary["scored"] + summary["rejected"] > 500


def test_reasons_are_those_of_the_explanation(tmp_path: Path, loan: dict[str, Any]) -> None:
    assert score(write(tmp_path / "in.csv", loan), tmp_path / "out.csv", "--reasons", 2) == 0

    [row] = rows_of(tmp_path / "out.csv")
    assert list(row) == [
        "id", "credit_risk", "probability", "reason_1", "contribution_1", "reason_2", "contribution_2",
    ]  # fmt: skip
    contributions = scorer.load().contributions(LOAN.encode_loans([loan]))[0, :-1]
    strongest = np.argsort(-abs(contributions))[:2]
    assert [row["reason_1"], row["reason_2"]] == [FEATURES[position].label for position in strongest]
    assert [float(row["contribution_1"]), float(row["contribution_2"])] == contributions[strongest].tolist()


def test_without_an_id_the_line_identifies_a_loan(tmp_path: Path, loan: dict[str, Any]) -> None:
    path = tmp_path / "in.csv"
    pd.DataFrame([loan] * 2).to_csv(path, index=False)

    score(path, tmp_path / "out.csv")

    assert [row["id"] for row in rows_of(tmp_path / "out.csv")] == ["2", "3"]


def test_parquet_keeps_the_type_of_its_ids_and_takes_categories(tmp_path: Path, loan: dict[str, Any]) -> None:
    frame = pd.DataFrame([loan | {"number": 7}, loan | {"number": 8, "loan_purpose": None}])
    frame.astype({"loan_purpose": "category", "term": "category"}).to_parquet(tmp_path / "in.parquet")

    assert score(tmp_path / "in.parquet", tmp_path / "out.parquet", "--id", "number") == 3

    assert pq.read_table(tmp_path / "out.parquet").column("id") == pa.chunked_array([[7]])
    assert rejects_of(tmp_path / "out.parquet") == {2: "loan_purpose is missing"}


def test_a_file_without_loans_gives_an_output_without_rows(tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        given, out = write(tmp_path / "in.csv"), tmp_path / f"out.{kind}"

        assert score(given, out) == 0

    assert rows_of(tmp_path / "out.csv") == []
    assert pq.read_table(tmp_path / "out.parquet").column_names == ["id", "credit_risk", "probability"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty, expected a header and loans"),
        (b"id,loan_amnt\n1,2\n", "lacks the columns annual_inc, collections_12_mths_ex_med"),
        (b"\x1f\x8bno gzip at all", "is a damaged gzip file"),
        (b"PAR1 and nothing else", "is a damaged Parquet file"),
    ],
)
def test_a_file_that_cannot_be_used_ends_in_one_sentence(
    tmp_path: Path, content: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").write_bytes(content)

    assert score(tmp_path / "in", tmp_path / "out.csv") == 1

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert words in error
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.csv", "out.csv"), "nowhere.csv: No such file or directory"),
        (("in.csv", "out.txt"), "must end in one of .parquet, .csv.gz, .csv"),
        (("in.csv", "out.csv", "--id", "name"), "has no column 'name'"),
        (("in.csv", "in.csv"), "in.csv' is the input: name another output."),
        (("in.csv", "link.csv"), "in.csv' is the input: name another output."),
        ((".", "out.csv"), "out.csv' is inside the input: name another output."),
        (("in.csv", "out.csv", "--artifact", "no.zip"), "No model artifact at 'no.zip'"),
    ],
)
def test_wrong_arguments_end_in_one_sentence(
    tmp_path: Path, loan: dict[str, Any], arguments: tuple[str, ...], words: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in.csv", loan)
    (tmp_path / "link.csv").symlink_to("in.csv")

    assert score(*arguments) == 1

    assert words in capsys.readouterr().err.splitlines()[-1]


def test_a_column_of_another_type_is_named(
    tmp_path: Path, loan: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    pd.DataFrame([loan | {"loan_amount": [1]}]).to_parquet(tmp_path / "in.parquet")

    assert score(tmp_path / "in.parquet", tmp_path / "out.csv") == 1

    assert "in the column loan_amount, expected numbers" in capsys.readouterr().err


def test_an_output_that_is_whole_is_not_written_again(
    tmp_path: Path, loan: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = write(tmp_path / "in.csv", loan), tmp_path / "out.csv"
    assert score(given, out) == 0
    written = out.stat().st_mtime_ns

    assert score(given, out) == 1
    assert "exists already" in capsys.readouterr().err
    assert score(given, out, "--resume") == 0
    assert score(given, out, "--resume", "--reasons", 1) == 1
    assert "from a run with other options or input: --reasons was 0, is now 1" in capsys.readouterr().err
    assert out.stat().st_mtime_ns == written


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_a_chunk_that_was_read_is_freed_without_the_cyclic_collector(
    tmp_path: Path, loan: dict[str, Any], kind: str
) -> None:
    """A worker reads each chunk with loans of its own; what stays of them would fill its memory."""
    path, frame = tmp_path / f"in.{kind}", pd.DataFrame([loan] * 20)
    frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)
    opened = open_loans(path, [LOAN.fields], 5)
    chunk = next(opened.chunks())
    loans = pickle.loads(pickle.dumps(opened))

    gc.disable()
    try:
        loans.read(chunk)
        left = weakref.ref(loans)
        del loans
        assert left() is None
    finally:
        gc.enable()


def test_a_folder_of_something_else_is_not_removed(
    tmp_path: Path, loan: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    given, other = write(tmp_path / "in.csv", loan), tmp_path / "out.csv.chunks" / "other"
    other.parent.mkdir()
    other.touch()

    assert score(given, tmp_path / "out.csv") == 1

    assert "is not from a run: remove it, or name another output" in capsys.readouterr().err
    assert other.exists()


@pytest.mark.parametrize("damaged", ["out.csv.summary.json", "out.csv.chunks/manifest.json"])
def test_a_damaged_manifest_or_summary_is_named(
    tmp_path: Path, loan: dict[str, Any], damaged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = write(tmp_path / "in.csv", loan), tmp_path / "out.csv"
    if damaged == "out.csv.summary.json":
        assert score(given, out) == 0
    (tmp_path / damaged).parent.mkdir(exist_ok=True)
    (tmp_path / damaged).write_text("{")

    assert score(given, out, "--resume") == 1

    assert f"{damaged}' is damaged" in capsys.readouterr().err


def test_rejects_may_be_accepted(tmp_path: Path, loan: dict[str, Any]) -> None:
    given = write(tmp_path / "in.csv", loan, loan | {"term": ""})

    assert score(given, tmp_path / "out.csv", "--accept-rejects") == 0


# The command, which scores no chunk from number `first` on until the file `release` exists.
HELD = """
import runpy, sys, time
from pathlib import Path
from credit_risk_model.scoring import engines

first, release, scored = int(sys.argv[1]), Path(sys.argv[2]), engines.score

def held(job, chunk, read, threads, progress):
    while chunk.number >= first and not release.exists():
        progress(0)
        time.sleep(0.01)
    return scored(job, chunk, read, threads, progress)

engines.score = held
sys.argv[1:3] = []
runpy.run_module("credit_risk_model.scoring", run_name="__main__")
"""


def held(first: int, folder: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-c", HELD, str(first), str(folder / "release"), *map(str, arguments)]


def chunks_of(out: Path) -> int:
    return len(list(out.with_name(f"{out.name}.chunks").glob("*.json"))) - 1  # without the manifest


@pytest.mark.parametrize(
    ("how", "code", "kind"),
    [(signal.SIGKILL, -9, "csv.gz"), (signal.SIGTERM, 143, "parquet"), (signal.SIGINT, 130, "csv")],
)
def test_an_interrupted_run_is_resumed(
    frame: pd.DataFrame, tmp_path: Path, how: signal.Signals, code: int, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given, out, whole = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}", tmp_path / f"whole.{kind}"
    some = frame.head(300)
    some.to_parquet(given) if kind == "parquet" else some.to_csv(given, index=False)
    arguments = (given, out, "--chunk-rows", 30, "--reasons", 1)
    process = subprocess.Popen(held(3, tmp_path, *arguments), cwd=ROOT, stderr=subprocess.DEVNULL)
    until(lambda: chunks_of(out) >= 3, "three chunks are done")
    process.send_signal(how)
    assert process.wait(60) == code
    assert not out.exists()

    assert score(*arguments) == 1
    assert "was interrupted: resume it with --resume" in capsys.readouterr().err
    assert score(*arguments, "--resume") == 3

    assert score(given, whole, "--chunk-rows", 30, "--reasons", 1) == 3
    assert out.read_bytes() == whole.read_bytes()
    assert rejects_of(out) == rejects_of(whole)
    assert score(*arguments, "--resume") == 3, "it is whole"


@pytest.fixture
def interrupted(tmp_path: Path, loan: dict[str, Any]) -> tuple[Path, Path]:
    """An input and the output of a run that was interrupted."""
    given, out = write(tmp_path / "in.csv", *[loan] * 9), tmp_path / "out.csv"
    arguments = (given, out, "--chunk-rows", 1, "--reasons", 1)
    process = subprocess.Popen(held(2, tmp_path, *arguments), cwd=ROOT, stderr=subprocess.DEVNULL)
    until(lambda: chunks_of(out) >= 2, "two chunks are done")
    process.kill()
    process.wait()
    return given, out


def test_finished_chunks_are_not_scored_again(interrupted: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    given, out = interrupted
    done = chunks_of(out)
    scored: list[int] = []
    original = score_chunk

    def counted(job: Job, chunk: Chunk, *others: Any) -> Counts:
        scored.append(chunk.number)
        return original(job, chunk, *others)

    monkeypatch.setattr(engines, "score", counted)

    assert score(given, out, "--chunk-rows", 1, "--reasons", 1, "--resume") == 0

    assert sorted(scored) == list(range(done, 9))
    assert len(rows_of(out)) == 9
    assert not out.with_name("out.csv.chunks").exists()


@pytest.mark.parametrize("damaged", ["000000.csv", "000001.rejects", "000000.json"])
@pytest.mark.parametrize("content", [b"", b'"1","safe",0.5,,\n'])
def test_a_chunk_that_was_damaged_is_scored_again(
    interrupted: tuple[Path, Path], damaged: str, content: bytes, tmp_path: Path
) -> None:
    given, out = interrupted
    (out.with_name("out.csv.chunks") / damaged).write_bytes(content or b"")

    assert score(given, out, "--chunk-rows", 1, "--reasons", 1, "--resume") == 0

    assert score(given, tmp_path / "whole.csv", "--chunk-rows", 1, "--reasons", 1) == 0
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert rejects_of(out) == {}


def test_an_input_that_changed_in_its_middle_is_noticed_before_anything_is_published(
    tmp_path: Path, loan: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Size, time and both ends are the same."""
    given, out = tmp_path / "in.csv", tmp_path / "out.csv"
    pd.DataFrame([loan | {"id": number, "note": "x" * 60_000} for number in range(90)]).to_csv(given, index=False)
    state, arguments = given.stat(), (given, out, "--chunk-rows", 1, "--reasons", 1)
    process = subprocess.Popen(held(40, tmp_path, *arguments), cwd=ROOT, stderr=subprocess.DEVNULL)
    until(lambda: chunks_of(out) >= 40, "the first chunks are done")
    process.kill()
    process.wait()
    content = given.read_bytes()
    middle = content.index(b",61.8,", 1_500_000)  # in row 25 or so
    given.write_bytes(content[:middle] + b",16.8," + content[middle + 6 :])
    os.utime(given, ns=(state.st_atime_ns, state.st_mtime_ns))

    assert score(*arguments, "--resume") == 1

    assert re.search(r"changed after lines 2\d to 2\d were scored", capsys.readouterr().err)
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--chunk-rows", 1], "--reasons was 1, is now 0"),
        (["--chunk-rows", 2, "--reasons", 1], "--chunk-rows was 1, is now 2"),
        (["--reasons", 1], "--chunk-rows was 1, is now 5000"),
        (["--chunk-rows", 1, "--reasons", 1, "--id", "term"], "--id was id, is now term"),
    ],
)
def test_a_run_with_other_options_is_not_resumed(
    interrupted: tuple[Path, Path], arguments: list[object], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(*interrupted, "--resume", *arguments) == 1

    error = capsys.readouterr().err
    assert "had other options or input: " in error
    assert words in error


def test_a_run_of_another_input_is_not_resumed(
    interrupted: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    os.utime(interrupted[0], ns=(0, 0))

    assert score(*interrupted, "--chunk-rows", 1, "--reasons", 1, "--resume") == 1

    assert "input was " in capsys.readouterr().err


def test_two_runs_do_not_write_to_one_output(
    interrupted: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = interrupted
    arguments = (given, out, "--chunk-rows", 1, "--reasons", 1, "--resume")
    program = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    lock = out.with_name("out.csv.chunks") / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()

        assert score(*arguments) == 1
        assert score(*arguments[:-1]) == 1, "without --resume, too"
        other.kill()

    error = capsys.readouterr().err
    assert error.count("Another run is writing") == 2
    assert "remove" not in error
    assert score(*arguments) == 0


def test_an_input_that_changes_is_noticed(
    tmp_path: Path, loan: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = write(tmp_path / "in.csv", *[loan] * 9), tmp_path / "out.csv"
    arguments = (given, out, "--chunk-rows", 1)
    process = subprocess.Popen(held(1, tmp_path, *arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    until(lambda: chunks_of(out) >= 1, "a chunk is done")
    os.utime(given, ns=(0, 0))
    (tmp_path / "release").touch()

    _, error = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "changed while it was scored" in error
    assert not out.exists()


def on_book(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_the_age_counts_to_the_latest_payment_in_the_file(
    frame: pd.DataFrame, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = on_book(tmp_path / f"in.{kind}", frame.head(500)), tmp_path / "out.csv"
    model = scorer.load(features=ON_BOOK)

    score(given, out, "--on-book", "--chunk-rows", 70)

    latest = max(month for text in frame["last_pymnt_d"].head(500) if (month := months.number(text)) is not None)
    raw = frame.head(500).assign(issue_d=[latest - (months.number(text) or 0) for text in frame["issue_d"].head(500)])
    answers = {row["id"]: float(row["probability"]) for row in rows_of(out)}
    assert len(answers) > 400
    for row in raw.to_dict("records"):
        if str(row["id"]) in answers:
            loan = {feature.field: row[feature.column] for feature in ON_BOOK.features}
            assert answers[str(row["id"])] == float(model.probabilities(ON_BOOK.encode_loans([loan]))[0])
    assert f"age:      counted to {months.text(latest)}" in capsys.readouterr().out
    assert json.loads((tmp_path / "out.csv.summary.json").read_text())["as_of"] == months.text(latest)


def test_the_month_can_be_given(frame: pd.DataFrame, tmp_path: Path) -> None:
    given = on_book(tmp_path / "in.csv", frame.head(300).drop(columns="last_pymnt_d"))

    score(given, tmp_path / "out.csv", "--on-book", "--as-of", "Dec-2012")

    reasons = rejects_of(tmp_path / "out.csv").values()
    assert any("expected a month from Dec-2002 to Dec-2012" in reason for reason in reasons)
    assert json.loads((tmp_path / "out.csv.summary.json").read_text())["as_of"] == "Dec-2012"


def test_without_a_month_and_a_payment_the_option_is_named(
    frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, loans in enumerate((frame.drop(columns="last_pymnt_d"), frame.assign(last_pymnt_d="soon"))):
        assert score(on_book(tmp_path / f"{number}.csv", loans.head(9)), tmp_path / "out.csv", "--on-book") == 1

        assert "give --as-of, such as Jan-2016" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("day", ["9999-12-31", "2099-12-31", "1900-01-01", "1970-01-01"])
def test_a_date_that_stands_for_a_missing_one_does_not_decide_the_month(
    frame: pd.DataFrame, tmp_path: Path, kind: str, day: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loans = frame.head(300)
    payments = pd.to_datetime(loans["last_pymnt_d"], format="%b-%Y").dt.date.to_numpy()
    payments[5] = date.fromisoformat(day)
    score(on_book(tmp_path / "plain.csv", loans), tmp_path / "1.csv", "--on-book")
    plain = capsys.readouterr().out

    score(on_book(tmp_path / f"in.{kind}", loans.assign(last_pymnt_d=payments)), tmp_path / "2.csv", "--on-book")

    printed = capsys.readouterr().out
    counted = re.compile(r"age: +counted to .*")
    assert counted.findall(printed) == counted.findall(plain) != []
    assert f"last_pymnt_d: '{day}' is not a month from Feb-1970 until today, and is ignored" in printed
    assert rows_of(tmp_path / "2.csv") == rows_of(tmp_path / "1.csv")


def test_only_dates_that_stand_for_missing_ones_end_with_the_option_that_helps(
    frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loans = frame.head(9).assign(last_pymnt_d="1900-01-01")

    assert score(on_book(tmp_path / "in.csv", loans), tmp_path / "out.csv", "--on-book") == 1

    assert "has no possible month in the column last_pymnt_d: give --as-of" in capsys.readouterr().err


def test_an_impossible_month_of_issue_is_rejected(frame: pd.DataFrame, tmp_path: Path) -> None:
    loans = frame.head(300).assign(issue_d=["2099-12-31", *frame["issue_d"].head(299)])

    score(on_book(tmp_path / "in.csv", loans), tmp_path / "out.csv", "--on-book")

    assert "issue_d is '2099-12-31', expected a month from " in rejects_of(tmp_path / "out.csv")[2]


@pytest.mark.parametrize("kind", ["datetime64[ns]", "datetime64[ns, UTC]", "date", "category"])
def test_months_can_be_dates_or_categories_in_parquet(frame: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    texts, others = frame.head(300), frame.head(300).copy()
    for column in ("issue_d", "last_pymnt_d"):
        if kind == "category":
            others[column] = texts[column].astype("category")
        else:
            dates = pd.to_datetime(texts[column], format="%b-%Y", utc="UTC" in kind)
            others[column] = dates.dt.date if kind == "date" else dates

    codes = {
        score(on_book(tmp_path / f"{name}.parquet", loans), tmp_path / f"{name}.csv", "--on-book")
        for name, loans in (("texts", texts), ("others", others))
    }

    assert codes == {3}
    assert (tmp_path / "others.csv").read_bytes() == (tmp_path / "texts.csv").read_bytes()
    assert rejects_of(tmp_path / "others.csv").keys() == rejects_of(tmp_path / "texts.csv").keys()
    assert len(rows_of(tmp_path / "others.csv")) > 250


def test_payment_months_that_are_numbers_end_with_the_option_that_helps(
    frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = on_book(tmp_path / "in.parquet", frame.head(9).assign(last_pymnt_d=201_601))

    assert score(given, tmp_path / "out.csv", "--on-book") == 1

    assert "give --as-of, such as Jan-2016" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "kind"), [(201_512, "int64"), (2015.92, "double"), (True, "bool")])
def test_a_month_of_issue_of_another_type_is_refused_with_what_is_expected(
    frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str], value: object, kind: str
) -> None:
    given = on_book(tmp_path / "in.parquet", frame.head(9).assign(issue_d=np.full(9, value)))

    assert score(given, tmp_path / "out.csv", "--on-book", "--as-of", "Jan-2016") == 1

    error = capsys.readouterr().err
    assert f"has the type {kind} in the column issue_d, expected months: texts such as 'Dec-2015', or dates." in error


def test_a_file_with_ages_needs_no_month(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = on_book(tmp_path / "in.csv", pd.DataFrame([ON_BOOK.example, ON_BOOK.example | {"months_since_issue": 121}]))

    assert score(given, tmp_path / "out.csv", "--on-book") == 3
    assert rejects_of(tmp_path / "out.csv") == {3: "months_since_issue is '121', expected a number from 0 to 120"}
    assert score(given, tmp_path / "other.csv", "--on-book", "--as-of", "Jan-2016") == 1
    assert "--as-of is not used, remove it" in capsys.readouterr().err


def test_the_reasons_can_name_the_age(tmp_path: Path) -> None:
    given = on_book(tmp_path / "in.csv", pd.DataFrame([ON_BOOK.example]))

    assert score(given, tmp_path / "out.csv", "--on-book", "--reasons", 17) == 0

    [row] = rows_of(tmp_path / "out.csv")
    assert "Months since issue" in {row[f"reason_{rank}"] for rank in range(1, 18)}


@pytest.mark.parametrize("arguments", [["--as-of", "Jan-2016"], ["--on-book", "--as-of", "2016-01"]])
def test_a_month_that_cannot_be_used_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        score(tmp_path / "in.csv", tmp_path / "out.csv", *arguments)
