"""The command that scores a file of loans: `python -m credit_risk_model.scoring IN OUT`."""

import os
import signal

# Before the long imports: the first process of a container ignores a signal that it does not handle.
if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    signal.signal(signal.SIGINT, lambda number, _: os._exit(128 + number))

import argparse
import sys
import threading
import time
from contextlib import closing
from functools import partial
from typing import Any

from tqdm import tqdm

from credit_risk_model import __version__, months
from credit_risk_model.artifact import ArtifactError
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.loan_files.arguments import stated
from credit_risk_model.loan_files.chunk import LoanFileError
from credit_risk_model.loan_files.loans import Loans
from credit_risk_model.prediction import scorer
from credit_risk_model.scoring import check, engines, run
from credit_risk_model.scoring.arguments import CHUNK_ROWS, CHUNK_ROWS_WITH_REASONS, Exit, parser
from credit_risk_model.scoring.counts import Counts
from credit_risk_model.scoring.error import ScoringError, StalledError
from credit_risk_model.scoring.job import Job
from credit_risk_model.scoring.loans import open_inputs
from credit_risk_model.scoring.output import Output, fingerprint
from credit_risk_model.scoring.rows import Inputs


def main(arguments: list[str] | None = None) -> int:
    """Score the file, and return the exit code."""
    options = _parsed(arguments)
    try:
        counts = _checked(options) if options.check else _run(options)
    except StalledError as error:
        return _failed(error, Exit.STALLED)
    except (LoanFileError, ScoringError, ArtifactError) as error:
        return _failed(error, Exit.UNUSABLE)
    except OSError as error:
        return _failed(
            f"{error.filename or options.output or options.input}: {error.strerror or error}.", Exit.UNUSABLE
        )
    if counts.most_are_rejected:
        print(
            f"More than half of the rows {'would be' if options.check else 'were'} rejected, most often because "
            f"{counts.by_reason[0]['reason'][:200]}."
        )
        return Exit.MOSTLY_REJECTED
    return Exit.REJECTS if counts.rejected and not options.accept_rejects else 0


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    command = parser()
    options = command.parse_args(arguments)
    if options.on_book and not ON_BOOK:
        command.error("--on-book: these loans have only one model, which does not know the age")
    features = ON_BOOK if options.on_book else LOAN
    if options.check == (options.output is not None):
        command.error("OUT is missing" if options.output is None else "--check writes nothing: leave out OUT")
    if options.sample and not options.check:
        command.error("--sample needs --check")
    if options.scheduler and options.engine != "dask":
        command.error("--scheduler needs --engine dask")
    if options.reasons > len(features):
        command.error(f"--reasons is {options.reasons}; there are {len(features)} features")
    if options.as_of is not None and not options.on_book:
        command.error("--as-of needs --on-book")
    return options


def _failed(error: object, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


def _opened(options: argparse.Namespace, chunk_rows: int) -> tuple[Loans, Inputs, list[str]]:
    return open_inputs(
        options.input.resolve(),
        chunk_rows,
        identity=options.id,
        on_book=options.on_book,
        as_of=options.as_of,
        stated=stated(options),
    )


def _chunk_rows(options: argparse.Namespace) -> int:
    rows: int = options.chunk_rows or (CHUNK_ROWS_WITH_REASONS if options.reasons else CHUNK_ROWS)
    return rows


def _checked(options: argparse.Namespace) -> Counts:
    chunk_rows = min(_chunk_rows(options), options.sample or CHUNK_ROWS)
    loans, inputs, forms = _opened(options, chunk_rows)
    with _bar(f"checking {loans.path.name}", loans) as bar:
        counts, columns = check.check(loans, inputs, options.sample, bar.update)
    print(check.report(counts, columns, forms))
    return counts


def _run(options: argparse.Namespace) -> Counts:
    start = time.perf_counter()
    output = Output(options.output.resolve())
    kind = output.kind
    if output.path.is_relative_to(options.input.resolve()):
        what = "inside the input" if options.input.is_dir() else "the input"
        raise ScoringError(f"{str(output.path)!r} is {what}: name another output.")
    model = scorer.load(options.artifact, features=ON_BOOK if options.on_book else LOAN)
    chunk_rows = _chunk_rows(options)
    loans, inputs, forms = _opened(options, chunk_rows)
    artifact = options.artifact.resolve() if options.artifact else None
    job = Job(loans, inputs, output.folder, kind, options.reasons, artifact, model.digest)
    manifest = {
        "input": fingerprint(loans),
        "columns": list(inputs.columns),
        "id": inputs.meaning.id,
        "as_of": None if inputs.as_of is None else months.text(inputs.as_of),
        "read_as": forms,
        "decimal": options.decimal,
        "percent_as": options.percent_as,
        "model": model.digest,
        "code": __version__,
        "threshold": model.threshold,
        "reasons": options.reasons,
        "chunk_rows": chunk_rows,
    }
    counts = run.completed_run(output, manifest, options.resume)
    if counts is None:
        counts = _score(job, output, manifest, options)
    if manifest["as_of"]:
        print(f"age:      counted to {manifest['as_of']}")
    print("".join(f"read:     {line}\n" for line in check.read_as(counts, forms)), end="")
    print("".join(f"rejects:  {line}\n" for line in check.rejects(counts)[:_SHOWN]), end="")
    rows, scored, rejected = (f"{number:,}" for number in (counts.rows, counts.scored, counts.rejected))
    print(f"{rows} rows in = {scored} scored + {rejected} rejected, in {time.perf_counter() - start:.1f} s")
    print(f"scored:   {output.path}\nrejected: {output.rejects}\nsummary:  {output.summary}")
    return counts


_SHOWN = 5  # groups of rejects; the summary has all


def _score(job: Job, output: Output, manifest: dict[str, Any], options: argparse.Namespace) -> Counts:
    engine = (
        partial(engines.dask, scheduler=options.scheduler, workers=options.threads, patience=options.patience)
        if options.engine == "dask"
        else partial(engines.local, threads=options.threads)
    )
    done: dict[int, Counts] = {}
    with run.open_run(output, manifest, options.resume), _bar(f"scoring {job.loans.path.name}", job.loans) as bar:
        lock, scored_size = threading.Lock(), 0.0

        def progress(size: float) -> None:
            nonlocal scored_size
            with lock:
                scored_size += size
                bar.update(round(scored_size) - bar.n)

        pending = run.pending(job, done, skip=lambda chunk: progress(chunk.size))
        with closing(engine(job, pending, progress)) as scored:
            done.update((chunk.number, counts) for chunk, counts in scored)
        return run.publish(job, output, manifest, done)


def _bar(title: str, loans: Any) -> "tqdm[Any]":
    return tqdm(total=loans.total, desc=title, unit=loans.unit, unit_scale=True)


def console() -> int:
    """Run the command as a process that may be told to stop, and return its exit code."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that what was started is ended, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return main()
    except KeyboardInterrupt:
        print("Interrupted. What is done is kept; --resume continues from there.", file=sys.stderr, flush=True)
        os._exit(Exit.INTERRUPTED)  # all files are closed, and to unload the libraries takes a while


if __name__ == "__main__":
    sys.exit(console())
