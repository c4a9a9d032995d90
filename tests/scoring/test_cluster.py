"""The same command on a Dask cluster of real processes: the same output, also where a worker is lost."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from credit_risk_model.scoring.__main__ import main
from credit_risk_model.training import invented
from tests.conftest import ROOT, until


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster")
    frame = invented.loans(1_000)
    frame.to_csv(folder / "loans.csv", index=False)
    frame.to_csv(folder / "loans.csv.gz", index=False)
    frame.to_parquet(folder / "loans.parquet", row_group_size=450)
    return folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers, each a process."""
    folder = tmp_path_factory.mktemp("processes")
    processes = []

    def start(name: str, *arguments: str) -> Path:
        log = folder / f"{name}.log"
        with log.open("w") as output:
            command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
            processes.append(subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=os.environ))
        return log

    log = start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    found = until(lambda: re.search(r"Scheduler at: +(tcp://\S+)", log.read_text()), "the scheduler listens")
    for name in ("first", "second"):
        start(
            name, "worker", found[1], "--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1",
            "--local-directory", str(folder),
        )  # fmt: skip
    until(lambda: log.read_text().count("Register worker") >= 2, "both workers are there")
    yield found[1], processes[1:]
    for process in reversed(processes):
        process.terminate()
    for process in processes:
        process.wait(20)


def scored(given: Path, out: Path, *arguments: object) -> tuple[bytes, str]:
    assert main([str(argument) for argument in (given, out, "--part-rows", 50, *arguments)]) == 3
    return out.read_bytes(), out.with_name(f"{out.name}.rejects.csv").read_text()


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_the_output_is_that_of_one_machine(
    loans: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path, kind: str
) -> None:
    given = loans / f"loans.{kind}"

    there = scored(given, tmp_path / "there.csv", "--engine", "dask", "--scheduler", cluster[0])

    assert there == scored(given, tmp_path / "here.csv")
    assert not (tmp_path / "there.csv.parts").exists()


def test_a_lost_worker_costs_no_rows(
    loans: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, workers = cluster
    given, out = loans / "loans.parquet", tmp_path / "out.parquet"
    arguments = [str(given), str(out), "--part-rows", "50", "--reasons", "1"]
    command = [
        sys.executable,
        "-m",
        "credit_risk_model.scoring",
        *arguments,
        "--engine",
        "dask",
        "--scheduler",
        address,
    ]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    until(lambda: list((tmp_path / "out.parquet.parts").glob("0*.json")), "a part is done")
    workers[0].send_signal(signal.SIGKILL)

    printed, _ = running.communicate(timeout=300)

    assert workers[0].wait() == -signal.SIGKILL
    assert running.returncode == 3
    assert "1,000 rows in = " in printed
    expected = scored(given, tmp_path / "here.parquet", "--reasons", 1)
    assert (out.read_bytes(), out.with_name("out.parquet.rejects.csv").read_text()) == expected


def test_a_cluster_is_started_where_none_is_named(loans: Path, tmp_path: Path) -> None:
    given = loans / "loans.parquet"
    out = tmp_path / "out.csv"
    command = [sys.executable, "-m", "credit_risk_model.scoring", str(given), str(out), "--part-rows", "50"]
    command += ["--engine", "dask", "--threads", "2", "--accept-rejects"]

    done = subprocess.run(
        [*command, "--engine", "dask", "--threads", "2", "--accept-rejects"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )

    assert "1,000 rows in = " in done.stdout
    assert out.read_bytes() == scored(given, tmp_path / "here.csv")[0]


def test_a_scheduler_that_is_not_there_is_named(
    loans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("credit_risk_model.scoring.engines._PATIENCE", 1)
    arguments = [
        str(loans / "loans.csv"),
        str(tmp_path / "out.csv"),
        "--engine",
        "dask",
        "--scheduler",
        "tcp://127.0.0.1:9",
    ]

    assert main(arguments) == 1

    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err


def test_there_are_as_many_reasons_as_features_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["in.csv", "out.csv", "--reasons", "17"])

    assert "--reasons is 17; there are 16 features" in capsys.readouterr().err


def test_a_scheduler_goes_with_its_engine(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["in.csv", "out.csv", "--scheduler", "tcp://127.0.0.1:9"])

    assert "--scheduler goes with --engine dask" in capsys.readouterr().err
