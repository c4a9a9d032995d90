"""The arguments and exit codes of the command."""

import argparse
import os
from enum import IntEnum
from pathlib import Path

from credit_risk_model import months
from credit_risk_model.lending_club import LENDER
from credit_risk_model.lending_club_book import LAST_PAID
from credit_risk_model.loan_files.arguments import add_stated


class Exit(IntEnum):
    """The exit codes, in addition to 0, and to 2 for wrong arguments."""

    UNUSABLE = 1
    REJECTS = 3
    STALLED = 4
    MOSTLY_REJECTED = 5
    INTERRUPTED = 130
    TERMINATED = 143


CHUNK_ROWS, CHUNK_ROWS_WITH_REASONS = 100_000, 5_000
_PATIENCE = 600  # seconds; a chunk takes less than 30 on one core

_EXIT_CODES = f"""\
Rows that cannot be scored are written to OUT.rejects.csv with their line, id and reason.
Exit codes: 0 all rows are scored, {Exit.REJECTS} OUT is complete but rows were rejected, {Exit.MOSTLY_REJECTED} OUT is
complete but more than half of the rows were rejected, {Exit.UNUSABLE} the input or the output cannot be used, 2 the
arguments cannot be used, {Exit.STALLED} no chunk was finished for too long, {Exit.INTERRUPTED} and {Exit.TERMINATED}
ended by SIGINT and SIGTERM."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    command = argparse.ArgumentParser(
        prog="python -m credit_risk_model.scoring",
        description="Score a file of loans: write the id of each loan, safe or risky, and the probability of risky.",
        epilog=_EXIT_CODES,
    )
    add = command.add_argument
    add(
        "input", type=_path, metavar="IN",
        help=f"CSV (also compressed), Parquet or Arrow, with {LENDER}'s columns or the names of a request; or a "
        "folder or a quoted pattern of such files",
    )  # fmt: skip
    add("output", type=_path, metavar="OUT", nargs="?", help="the file to write, .csv, .csv.gz or .parquet")
    add("--check", action="store_true", help="read IN, print how it is read and what would be rejected; write nothing")
    add("--sample", type=_positive, metavar="ROWS", help="with --check: read only the first rows (default: all)")
    add("--resume", action="store_true", help="continue an interrupted run with the same arguments")
    add(
        "--reasons",
        type=_positive,
        default=0,
        metavar="N",
        help="also write the N strongest reasons, which takes longer",
    )
    add("--id", metavar="COLUMN", help="the column that identifies a loan (default: id or loan_id, or else the line)")
    add("--on-book", action="store_true", help="score with the model that knows the age of a loan")
    add(
        "--as-of", type=_month, metavar="MONTH",
        help=f"the month to which ages are counted, such as Jan-2016 (default: the latest {LAST_PAID})",
    )  # fmt: skip
    add_stated(command)
    add(
        "--accept-rejects", action="store_true",
        help=f"exit with 0 instead of {Exit.REJECTS} if at most half of the rows were rejected",
    )  # fmt: skip
    add("--artifact", type=Path, metavar="FILE", help="the artifact with the model (default: the one in the package)")
    add(
        "--threads", type=_positive, default=_cores(), metavar="N",
        help="threads that score, or processes that --engine dask starts (default: the cores, %(default)s here)",
    )  # fmt: skip
    add(
        "--chunk-rows", "--part-rows", type=_positive, metavar="N",
        help=f"rows that are scored at once (default: {CHUNK_ROWS:,}, or {CHUNK_ROWS_WITH_REASONS:,} with reasons)",
    )  # fmt: skip
    add("--engine", choices=("local", "dask"), default="local", help="where to score (default: %(default)s)")
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster with the same files (default: start one)")
    add(
        "--patience", type=_positive, default=_PATIENCE, metavar="SECONDS",
        help="how long --engine dask waits for the next finished chunk before it fails (default: %(default)s)",
    )  # fmt: skip
    return command


def _cores() -> int:
    # The cores that the process may use are known on Linux only.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _path(text: str) -> Path:
    if text == "-":
        raise argparse.ArgumentTypeError("standard input and output are not supported: name a file")
    if "://" in text:
        raise argparse.ArgumentTypeError(
            f"{text!r} is a URL, which is not supported: copy the file, or mount its storage"
        )
    return Path(text)


def _month(text: str) -> int:
    month = months.number(text)
    if month is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a month such as Jan-2016")
    return month


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value
