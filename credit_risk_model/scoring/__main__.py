"""The command that scores a file of loans: `python -m credit_risk_model.scoring IN OUT`."""

import os
import signal

# Before the long imports: the first process of a container ignores a signal that it does not handle.
if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))

import argparse
import sys
import time
from functools import partial
from pathlib import Path

from tqdm import tqdm

from credit_risk_model import __version__, months
from credit_risk_model.artifact import ArtifactError
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.prediction import scorer
from credit_risk_model.scoring import age, engines, run
from credit_risk_model.scoring.csv_loans import CsvLoans
from credit_risk_model.scoring.loans import Part, ScoringError, StalledError
from credit_risk_model.scoring.parquet_loans import ParquetLoans
from credit_risk_model.scoring.part import Job, Loans

EXIT_REJECTS, EXIT_STALLED, EXIT_INTERRUPTED, EXIT_TERMINATED = 3, 4, 130, 143
_PART_ROWS, _PART_ROWS_WITH_REASONS = 100_000, 5_000
_PATIENCE = 600  # seconds; a part takes less than 30 on one core


def main(arguments: list[str] | None = None) -> int:
    """Score the file, and return the exit code."""
    command = parser()
    options = command.parse_args(arguments)
    if options.scheduler and options.engine != "dask":
        command.error("--scheduler goes with --engine dask")
    features = ON_BOOK if options.on_book else LOAN
    if options.reasons > len(features):
        command.error(f"--reasons is {options.reasons}; there are {len(features)} features")
    if options.as_of is not None and not options.on_book:
        command.error("--as-of goes with --on-book")
    try:
        counts = _run(options)
    except StalledError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_STALLED
    except (ScoringError, ArtifactError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or options.output}: {error.strerror or error}.", file=sys.stderr)
        return 1
    return EXIT_REJECTS if counts["rejected"] and not options.accept_rejects else 0


def _run(options: argparse.Namespace) -> run.Counts:
    start = time.perf_counter()
    output = run.Output(options.output.resolve())
    model = scorer.load(options.artifact, features=ON_BOOK if options.on_book else LOAN)
    part_rows = options.part_rows or (_PART_ROWS_WITH_REASONS if options.reasons else _PART_ROWS)
    loans = age.counted(_open(options.input.resolve(), options.id, part_rows, options.on_book), options.as_of)
    artifact = options.artifact.resolve() if options.artifact else None
    job = Job(loans, output.folder, output.kind, options.reasons, artifact, model.digest)
    manifest = {
        "input": run.fingerprint(loans.path),
        "columns": list(loans.columns.features),
        "id": loans.columns.id,
        "as_of": None if loans.columns.as_of is None else months.text(loans.columns.as_of),
        "model": model.digest,
        "code": __version__,
        "threshold": model.threshold,
        "reasons": options.reasons,
        "part_rows": part_rows,
    }
    counts = run.finished(output, manifest, options.resume)
    if counts is None:
        counts = _score(job, output, manifest, options)
    seconds = time.perf_counter() - start
    rows, scored, rejected = (f"{counts[key]:,}" for key in ("rows", "scored", "rejected"))
    if manifest["as_of"]:
        print(f"age:      counted to {manifest['as_of']}")
    print(f"{rows} rows in = {scored} scored + {rejected} rejected, in {seconds:.1f} s")
    print(f"scored:   {output.path}\nrejected: {output.rejects}\nsummary:  {output.summary}")
    return counts


def _score(job: Job, output: run.Output, manifest: dict[str, object], options: argparse.Namespace) -> run.Counts:
    engine = (
        partial(engines.dask, scheduler=options.scheduler, workers=options.threads, patience=options.patience)
        if options.engine == "dask"
        else partial(engines.local, threads=options.threads)
    )
    done: list[run.Counts] = []
    bar = tqdm(total=job.loans.total, desc=f"scoring {job.loans.path.name}", unit=job.loans.unit, unit_scale=True)
    with run.begun(output, manifest, options.resume), bar:

        def progress(part: Part) -> None:
            bar.update(part.size)

        for part, counts in engine(job, run.missing(job, done, progress)):
            done.append(counts)
            progress(part)
        return run.finish(job, output, manifest, done)


def _open(path: Path, identity: str | None, part_rows: int, on_book: bool) -> Loans:
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    return (ParquetLoans if is_parquet else CsvLoans).open(path, identity, part_rows, on_book)


def parser() -> argparse.ArgumentParser:
    """Return the arguments of the command."""
    command = argparse.ArgumentParser(
        prog="python -m credit_risk_model.scoring",
        description="Score a file of loans: the id of each, whether it is safe or risky, and the probability of risky.",
        epilog="Rows that cannot be scored go to OUT.rejects.csv with their line, id and reason. Exit codes: 0 all "
        f"rows are scored, {EXIT_REJECTS} OUT is whole but rows were rejected, 1 the input or the output cannot be "
        f"used, 2 the arguments cannot, {EXIT_STALLED} nothing was finished for too long, {EXIT_INTERRUPTED} and "
        f"{EXIT_TERMINATED} stopped by SIGINT and SIGTERM.",
    )
    add = command.add_argument
    add(
        "input", type=Path, metavar="IN",
        help="CSV (plain or gzip) or Parquet, with Lending Club's columns or the names of a request",
    )  # fmt: skip
    add("output", type=Path, metavar="OUT", help="its name ends in .csv, .csv.gz or .parquet")
    add("--resume", action="store_true", help="go on where a run with the same arguments was stopped")
    add("--reasons", type=_whole, default=0, metavar="N", help="give the N principal reasons too, which takes long")
    add("--id", metavar="COLUMN", help="what tells loans apart (default: id, or else the line)")
    add("--on-book", action="store_true", help="score with the model that knows the age of a loan")
    add(
        "--as-of", type=_month, metavar="MONTH",
        help=f"the month that ages count to, such as Jan-2016 (default: the latest {age.LAST_PAYMENT} in the file)",
    )  # fmt: skip
    add("--accept-rejects", action="store_true", help="end with 0 where rows were rejected, too")
    add("--artifact", type=Path, metavar="FILE", help="the model (default: the shipped one)")
    add(
        "--threads", type=_whole, default=len(os.sched_getaffinity(0)), metavar="N",
        help="threads that score, or processes that --engine dask starts (default: one a core, %(default)s here)",
    )  # fmt: skip
    add(
        "--part-rows", type=_whole, metavar="N",
        help=f"rows that are scored at once (default: {_PART_ROWS:,}, or {_PART_ROWS_WITH_REASONS:,} with reasons)",
    )  # fmt: skip
    add("--engine", choices=("local", "dask"), default="local", help="where to score (default: %(default)s)")
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster that sees the same files (default: one is started)")
    add(
        "--patience", type=_whole, default=_PATIENCE, metavar="SECONDS",
        help="how long --engine dask waits for the next finished part before it fails (default: %(default)s)",
    )  # fmt: skip
    return command


def _month(text: str) -> int:
    month = months.number(text)
    if month is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a month such as Jan-2016")
    return month


def _whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def console() -> int:
    """Run the command as a process that may be told to stop, and return its exit code."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that what was started is ended, too
    try:
        return main()
    except KeyboardInterrupt:
        print("Stopped; what is done is kept, and --resume goes on from there.", file=sys.stderr)
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(console())
