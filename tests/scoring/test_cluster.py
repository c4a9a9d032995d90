"""The same command on a Dask cluster of real processes: the same output, also where a worker is lost."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from credit_risk_model.features import LOAN
from credit_risk_model.scoring.__main__ import main
from credit_risk_model.training import synthetic
from tests.conftest import ROOT, until


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster")
    frame = synthetic.loans(1_000)
    frame.to_csv(folder / "loans.csv", index=False)
    frame.to_csv(folder / "loans.csv.gz", index=False)
    frame.to_parquet(folder / "loans.parquet", row_group_size=450)
    return folder


Processes = list[subprocess.Popen[bytes]]


@contextmanager
def dask_cluster(folder: Path, *workers: tuple[str, ...]) -> Iterator[tuple[str, Processes]]:
    """Start a scheduler, and a worker for each tuple of options; yield the address and the processes."""
    processes: Processes = []

    def start(name: str, *arguments: str) -> Path:
        log = folder / f"{name}.log"
        with log.open("w") as output:
            command = [sys.executable, "-m", f"distributed.cli.dask_{arguments[0]}", *arguments[1:], "--no-dashboard"]
            processes.append(subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=os.environ))
        return log

    try:
        log = start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0")
        found = until(lambda: re.search(r"Scheduler at: +(tcp://\S+)", log.read_text()), "the scheduler listens")
        for number, options in enumerate(workers):
            fixed = ("--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", "--local-directory", str(folder))
            start(f"worker{number}", "worker", found[1], *fixed, *options)
        until(lambda: log.read_text().count("Register worker") >= len(workers), "the workers are there")
        yield found[1], processes
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Processes]]:
    """A scheduler and two workers, each a process."""
    with dask_cluster(tmp_path_factory.mktemp("processes"), (), ()) as (address, processes):
        yield address, processes[1:]


def scored(given: Path, out: Path, *arguments: object) -> tuple[bytes, str]:
    assert main([str(argument) for argument in (given, out, "--chunk-rows", 50, *arguments)]) == 3
    return out.read_bytes(), out.with_name(f"{out.name}.rejects.csv").read_text()


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_the_output_is_that_of_one_machine(
    loans: Path, cluster: tuple[str, Processes], tmp_path: Path, kind: str
) -> None:
    given = loans / f"loans.{kind}"

    there = scored(given, tmp_path / "there.csv", "--engine", "dask", "--scheduler", cluster[0])

    assert there == scored(given, tmp_path / "here.csv")
    assert not (tmp_path / "there.csv.chunks").exists()


def test_a_lost_worker_costs_no_rows(loans: Path, cluster: tuple[str, Processes], tmp_path: Path) -> None:
    address, workers = cluster
    given, out = loans / "loans.parquet", tmp_path / "out.parquet"
    arguments = [str(given), str(out), "--chunk-rows", "50", "--reasons", "1"]
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
    until(lambda: list((tmp_path / "out.parquet.chunks").glob("0*.json")), "a chunk is done")
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
    command = [sys.executable, "-m", "credit_risk_model.scoring", str(given), str(out), "--chunk-rows", "50"]
    command += ["--engine", "dask", "--threads", "2", "--accept-rejects"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)

    assert "1,000 rows in = " in done.stdout
    rejects = out.with_name("out.csv.rejects.csv").read_text()
    assert (out.read_bytes(), rejects) == scored(given, tmp_path / "here.csv")


def test_a_scheduler_that_is_not_there_is_named(
    loans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("credit_risk_model.scoring.engines._ANSWER_SECONDS", 1)
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


def stalled(loans: Path, tmp_path: Path, address: str) -> str:
    """Return what is said of a run in which nothing moves, whose exit code says so too."""
    command = [sys.executable, "-m", "credit_risk_model.scoring", str(loans / "loans.csv"), str(tmp_path / "out.csv")]
    command += ["--engine", "dask", "--scheduler", address, "--patience", "3"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 4, done.stderr
    assert (tmp_path / "out.csv.chunks").exists(), "--resume continues from there"
    [error] = re.findall("^error: .*", done.stderr, re.MULTILINE)
    return str(error)


def test_a_cluster_without_workers_ends_the_run_with_a_reason(loans: Path, tmp_path: Path) -> None:
    with dask_cluster(tmp_path) as (address, _):
        error = stalled(loans, tmp_path, address)

    assert error.startswith(
        "error: The run was interrupted: no chunk was finished for 3 s; the Dask cluster has no workers."
    )


def test_workers_without_memory_end_the_run_with_a_reason(loans: Path, tmp_path: Path) -> None:
    full = ("--memory-limit", "10MiB")  # less than an idle worker holds
    with dask_cluster(tmp_path, full, full) as (address, _):
        until(lambda: (tmp_path / "worker0.log").read_text().count("Pausing worker"), "the first worker is full")
        until(lambda: (tmp_path / "worker1.log").read_text().count("Pausing worker"), "the second worker is full")
        error = stalled(loans, tmp_path, address)

    assert "2 of 2 Dask workers are paused because their memory is full" in error
    assert "of 20 MiB): give them more memory" in error


def test_workers_that_do_nothing_end_the_run_with_a_reason(loans: Path, tmp_path: Path) -> None:
    with dask_cluster(tmp_path, ()) as (address, [_, worker]):
        worker.send_signal(signal.SIGSTOP)
        error = stalled(loans, tmp_path, address)

    assert "the Dask cluster has 1 workers: if a chunk takes longer than that, raise --patience" in error


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_a_lost_scheduler_ends_the_run_with_a_reason(
    loans: Path,
    tmp_path: Path,
    how: signal.Signals,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("credit_risk_model.scoring.engines._ANSWER_SECONDS", 3)
    out = tmp_path / "out.csv"
    with dask_cluster(tmp_path, ()) as (address, [scheduler, _]):

        def lose() -> None:
            until(lambda: list((tmp_path / "out.csv.chunks").glob("0*.json")), "a chunk is done")
            scheduler.send_signal(how)

        losing = threading.Thread(target=lose)
        losing.start()
        arguments = ["--chunk-rows", "50", "--reasons", "1", "--engine", "dask", "--scheduler", address]

        assert main([str(loans / "loans.csv"), str(out), *arguments, "--patience", "60"]) == 4
        losing.join()

    assert re.search(
        "error: .*(the Dask scheduler does not answer|the connection to the Dask scheduler was lost)",
        capsys.readouterr().err,
    )


def test_there_are_as_many_reasons_as_features_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["in.csv", "out.csv", "--reasons", str(len(LOAN) + 1)])

    assert f"--reasons is {len(LOAN) + 1}; there are {len(LOAN)} features" in capsys.readouterr().err


def test_a_scheduler_needs_the_dask_engine(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["in.csv", "out.csv", "--scheduler", "tcp://127.0.0.1:9"])

    assert "--scheduler needs --engine dask" in capsys.readouterr().err
