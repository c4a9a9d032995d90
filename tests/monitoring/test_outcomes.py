"""The command that compares logged predictions with what became of the loans."""

import gzip
import hashlib
import json
import math
import random
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from credit_risk_model import artifact
from credit_risk_model.features import LOAN
from credit_risk_model.monitoring.__main__ import EXIT_SKIPPED, EXIT_UNUSABLE, main
from credit_risk_model.scoring import __main__ as scoring
from tests.conftest import ROOT

REAL_LOANS = ROOT.parent / "shared" / "data" / "loan.csv.gz"
START = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday


def line(request_id: str, score: float | None = 0.9, **more: Any) -> dict[str, Any]:
    """Return a line of the log. The loans are synthetic."""
    label = "risky" if score is None or score >= 0.5 else "safe"
    line = {"time": START.isoformat(), "request_id": request_id, "model": "some_model", "label": label}
    return line | ({} if score is None else {"score": score}) | more


def write_log(path: Path, lines: Iterable[dict[str, Any] | str]) -> Path:
    path.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines))
    return path


def write_outcomes(path: Path, rows: Iterable[Sequence[Any]], header: str = "request_id,loan_status") -> Path:
    path.write_text("".join(f"{','.join(map(str, row))}\n" for row in [header.split(","), *rows]))
    return path


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "outcomes.json").read_text()))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path / "log.jsonl", [line("a", 0.9), line("b", 0.2), line("c", 0.7), line("d", 0.1)])


@pytest.fixture
def outcomes(tmp_path: Path) -> Path:
    statuses = {"a": "Charged Off", "b": "Fully Paid", "c": "Fully Paid", "d": "Late (31-120 days)"}
    return write_outcomes(tmp_path / "outcomes.csv", statuses.items())


def run(log: Path, outcomes: Path, *arguments: str) -> int:
    return main(["outcomes", str(log), str(outcomes), "--to", str(log.parent), *arguments])


def test_the_figures_are_those_of_the_evaluation(log: Path, outcomes: Path) -> None:
    assert run(log, outcomes) == 0

    model = result(log.parent)["models"]["some_model"]
    assert model["metrics"] == {
        "accuracy": 0.5, "precision": 0.5, "recall": 0.5, "f1": 0.5,
        "roc_auc": 0.5, "average_precision": 0.75, "calibration_error": pytest.approx((0.1 + 0.2 + 0.7 + 0.9) / 4),
    }  # fmt: skip
    assert (model["answered_risky"], model["became_risky"]) == (0.5, 0.5)
    assert len(model["calibration"]) == 4


def test_the_page_shows_the_figures_and_the_plots(log: Path, outcomes: Path) -> None:
    run(log, outcomes)

    page = (log.parent / "outcomes.html").read_text()
    assert "4 lines of the log = 4 predictions + 0 skipped" in page
    assert "<td>average precision</td><td>0.750</td>" in page
    assert page.count("<svg ") == 3


@pytest.mark.parametrize("header", ["id,loan_status", "loan_id,loan_status", "request_id,loan_status"])
def test_ids_of_loans_work_where_clients_send_them_as_the_id_of_the_request(log: Path, header: str) -> None:
    outcomes = write_outcomes(log.parent / "loans.csv", [("a", "Charged Off"), ("b", "Fully Paid")], header)

    assert run(log, outcomes) == 0
    assert result(log.parent)["log"]["with_outcome"] == 2


def test_other_columns_can_be_named(log: Path) -> None:
    outcomes = write_outcomes(log.parent / "loans.csv", [("a", "risky"), ("b", "safe")], "contract,state")

    assert run(log, outcomes, "--id", "contract", "--outcome", "state") == 0
    assert result(log.parent)["log"]["with_outcome"] == 2


def test_a_batch_is_joined_by_the_position_too(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [line("a", index=0), line("a", index=1), line("b")])
    rows = [("a", 0, "Charged Off"), ("a", 1, "Fully Paid"), ("b", "", "Fully Paid")]
    outcomes = write_outcomes(tmp_path / "outcomes.csv", rows, "request_id,index,loan_status")

    assert run(log, outcomes) == 0
    assert result(tmp_path)["log"]["with_outcome"] == 3
    assert result(tmp_path)["models"]["some_model"]["became_risky"] == pytest.approx(1 / 3)


def test_outcomes_as_parquet_give_the_same(log: Path, outcomes: Path) -> None:
    run(log, outcomes)
    from_csv = result(log.parent)
    pd.read_csv(outcomes).to_parquet(log.parent / "outcomes.parquet")

    assert run(log, log.parent / "outcomes.parquet") == 0
    assert result(log.parent) == from_csv


def test_a_folder_of_compressed_logs_gives_the_same(log: Path, outcomes: Path) -> None:
    run(log, outcomes)
    whole = result(log.parent)
    folder = log.parent / "logs"
    folder.mkdir()
    lines = log.read_bytes().splitlines(keepends=True)
    (folder / "1.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[:3])))
    (folder / "2.jsonl").write_bytes(lines[3])

    assert main(["outcomes", str(folder), str(outcomes), "--to", str(folder)]) == 0
    assert result(folder) == whole


def test_predictions_without_a_score_have_the_figures_of_their_labels(tmp_path: Path, outcomes: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [line("a", None), line("b", None)])

    assert run(log, outcomes) == 0
    model = result(tmp_path)["models"]["some_model"]
    assert model["metrics"] == {"accuracy": 0.5, "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3)}
    assert model["calibration"] == []


def test_each_model_has_its_own_figures(tmp_path: Path, outcomes: Path) -> None:
    more: dict[str, Any] = {"model": "other_model", "model_version": "2.0", "artifact_digest": "f" * 64}
    log = write_log(tmp_path / "log.jsonl", [line("a"), line("b", **more), line("b")])

    run(log, outcomes)

    models = result(tmp_path)["models"]
    assert {name: model["predictions"] for name, model in models.items()} == {"some_model": 2, "other_model": 1}
    assert models["other_model"]["versions"] == [{"version": "2.0", "artifact": "f" * 64, "predictions": 1}]


def test_lines_that_are_not_predictions_are_counted_by_reason(
    tmp_path: Path, outcomes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken: list[dict[str, Any] | str] = [
        '{"time": "2026-',
        "",
        "2026-01-05 INFO hello",
        "[1]",
        line("e", label="high"),
        line("f", 1.5),
    ]
    log = write_log(tmp_path / "log.jsonl", [line("a"), *broken, {"message": "GET /"}, line("b", 0.2)])

    assert run(log, outcomes) == EXIT_SKIPPED

    counts = result(tmp_path)["log"]
    assert (counts["lines"], counts["predictions"], counts["skipped"], counts["with_outcome"]) == (8, 2, 6, 2)
    assert {"rows": 2, "reason": "not JSON", "first": "log.jsonl:2"} in counts["reasons"]
    assert sum(reason["rows"] for reason in counts["reasons"]) == 6
    assert "skipped: 2 in the log: not JSON; first log.jsonl:2\n" in capsys.readouterr().out
    assert "not JSON" in (tmp_path / "outcomes.html").read_text()


def test_rows_of_outcomes_that_cannot_be_used_are_counted_by_reason(log: Path) -> None:
    rows = [
        ("a", "Charged Off"), ("a", "Charged Off"), ("b", "Eaten"), ("c", ""), ("", "Fully Paid"),
        ("d", "Fully Paid"), ("d", "Default"), ("d", "x", "y"), ("z", "Fully Paid"),
    ]  # fmt: skip
    outcomes = write_outcomes(log.parent / "outcomes.csv", rows)

    assert run(log, outcomes) == EXIT_SKIPPED

    counts = result(log.parent)["outcomes"]
    assert (counts["rows"], counts["skipped"], counts["unused"]) == (9, 5, 1)
    assert {reason["reason"] for reason in counts["reasons"]} == {
        "loan_status is unknown: Eaten", "loan_status is missing", "request_id is missing",
        "another row has a different outcome; neither is used", "3 values, expected 2",
    }  # fmt: skip
    assert result(log.parent)["log"]["with_outcome"] == 1


def test_the_error_names_ids_of_both_files_where_nothing_matches(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = write_outcomes(log.parent / "outcomes.csv", [("1077501", "Fully Paid")], "id,loan_status")

    assert run(log, outcomes) == EXIT_UNUSABLE

    error = capsys.readouterr().err
    assert "request ids such as 'a'" in error
    assert "ids such as '1077501'" in error
    assert not (log.parent / "outcomes.json").exists()


def test_the_error_names_the_reasons_where_the_log_has_no_prediction(
    tmp_path: Path, outcomes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "log.jsonl", ["hello"])

    assert run(log, outcomes) == EXIT_UNUSABLE
    assert "log.jsonl' has no predictions: 1 in the log: not JSON; first log.jsonl:1." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "words"),
    [("request_id,state", "lacks the column loan_status."), ("name,loan_status", "has no column request_id, id or")],
)
def test_the_error_names_the_column_that_is_missing(
    log: Path, header: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = write_outcomes(log.parent / "outcomes.csv", [("a", "Fully Paid")], header)

    assert run(log, outcomes) == EXIT_UNUSABLE
    assert words in capsys.readouterr().err


def test_a_file_that_does_not_exist_is_named(
    tmp_path: Path, outcomes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "nothing.jsonl", outcomes) == EXIT_UNUSABLE
    assert "nothing.jsonl: No such file" in capsys.readouterr().err


def test_drift_is_measured_by_week_against_the_first_with_enough_predictions(tmp_path: Path) -> None:
    def week(number: int, count: int, rate: float) -> list[dict[str, Any]]:
        time = (START + timedelta(weeks=number)).isoformat()
        draw = random.Random(number)
        return [
            line(
                f"{number}-{loan}", draw.random(), time=time,
                inputs={"interest_rate": draw.gauss(rate, 3), "term": draw.choice([" 36 months", " 60 months"])},
            )
            for loan in range(count)
        ]  # fmt: skip

    log = write_log(
        tmp_path / "log.jsonl", [*week(0, 500, 12), *week(1, 2_000, 12), *week(2, 2_000, 12), *week(3, 1_000, 15)]
    )
    outcomes = write_outcomes(tmp_path / "outcomes.csv", [("1-0", "Fully Paid")])

    run(log, outcomes)

    model = result(tmp_path)["models"]["some_model"]
    weeks = {each["period"]: each["psi"] for each in model["periods"]}
    assert model["reference"] == "2026-W03"
    assert list(weeks) == ["2026-W02", "2026-W03", "2026-W04", "2026-W05"]
    assert weeks["2026-W02"] is None
    assert set(weeks["2026-W03"].values()) == {0}
    assert max(weeks["2026-W04"].values()) < 0.05
    assert weeks["2026-W05"]["interest_rate"] > 0.25
    assert weeks["2026-W05"]["term"] < 0.05
    assert weeks["2026-W05"]["score"] < 0.05


def test_drift_is_measured_against_training_where_the_artifact_has_its_shares(tmp_path: Path, outcomes: Path) -> None:
    path = tmp_path / "1.zip"
    with zipfile.ZipFile(artifact.PACKAGED) as shipped, zipfile.ZipFile(path, "w") as changed:
        for name in shipped.namelist():
            content = shipped.read(name)
            if name == artifact.METADATA:
                values = {
                    "term": {" 36 months": 0.8, " 60 months": 0.2, "other": 0},
                    "score": {"0.5": 0.5, "+Inf": 0.5},
                }
                content = json.dumps(json.loads(content) | {"reference": {"labels": {}, "values": values}}).encode()
            changed.writestr(name, content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    terms = [" 36 months", " 60 months"] * 500
    lines = [line("a", number % 2, inputs={"term": term}, artifact_digest=digest) for number, term in enumerate(terms)]
    log = write_log(tmp_path / "log.jsonl", lines)

    assert run(log, outcomes, "--artifact", str(path)) == 0

    model = result(tmp_path)["models"]["some_model"]
    assert model["reference"] == "training"
    by_hand = (0.5 - 0.8) * math.log(0.5 / 0.8) + (0.5 - 0.2) * math.log(0.5 / 0.2)
    assert model["periods"][0]["psi"] == {"term": pytest.approx(by_hand), "score": 0}


@pytest.mark.skipif(not REAL_LOANS.exists(), reason="the real loans are not there")
def test_real_loans_show_the_known_difference_between_the_years(tmp_path: Path) -> None:
    """The model without the age finds most of the risky loans of 2011, and few of those of 2014."""
    scored = tmp_path / "scored.parquet"
    scoring.main([str(REAL_LOANS), str(scored), "--accept-rejects"])
    inputs = {feature.column: feature.field for feature in LOAN.features}
    loans = pd.read_csv(REAL_LOANS, usecols=["id", "issue_d", *inputs], dtype={"id": str}, index_col="id")
    loans = loans.rename(columns=inputs).join(pd.read_parquet(scored).set_index("id"), how="inner")
    months = pd.to_datetime(loans.pop("issue_d"), format="%b-%Y", utc=True).map(datetime.isoformat)
    given = loans.drop(columns=["credit_risk", "probability"]).to_dict("records")
    answers = zip(loans.index, months, loans["credit_risk"], loans["probability"], given, strict=True)
    log = write_log(
        tmp_path / "log.jsonl",
        (
            line(id_, score, time=month, model="credit_risk_model", label=label, inputs=loan)
            for id_, month, label, score, loan in answers
        ),
    )

    assert run(log, REAL_LOANS, "--by", "year") == 0

    found = result(tmp_path)
    years = {each["period"]: each for each in found["models"]["credit_risk_model"]["periods"]}
    recall = {year: each["metrics"]["recall"] for year, each in years.items()}
    assert found["log"]["with_outcome"] == found["log"]["predictions"] == len(loans)
    assert min(recall["2010"], recall["2011"]) > 0.6
    assert max(recall["2014"], recall["2015"]) < 0.4
    assert years["2014"]["psi"]["total_payments_to_date"] > 0.25
