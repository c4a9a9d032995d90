"""Compare logged predictions with what became of the loans: `python -m credit_risk_model.monitoring`."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from credit_risk_model import atomic_file
from credit_risk_model.artifact import PACKAGED, PACKAGED_ON_BOOK, ArtifactError
from credit_risk_model.lending_club import LENDER
from credit_risk_model.loan_files.chunk import LoanFileError
from credit_risk_model.loan_files.loans import paths
from credit_risk_model.monitoring.join import PERIODS, Joined
from credit_risk_model.monitoring.outcomes import STATUS, Outcomes
from credit_risk_model.monitoring.page import page
from credit_risk_model.monitoring.prediction_log import PredictionLog
from credit_risk_model.monitoring.references import Reference, of_artifacts
from credit_risk_model.monitoring.skipped import Skipped
from credit_risk_model.monitoring.summary import summarise

EXIT_UNUSABLE, EXIT_SKIPPED = 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code: 0, 1 after an error, 3 if lines or rows were skipped."""
    options = _parser().parse_args(arguments)
    try:
        references = of_artifacts(options.artifact or [PACKAGED, PACKAGED_ON_BOOK])
        log, outcomes, joined = _read(options)
        summary = _summary(log, outcomes, joined, options.by, references)
        options.to.mkdir(parents=True, exist_ok=True)
        written = {
            "outcomes.html": page(summary),
            "outcomes.json": f"{json.dumps(summary, indent=1, allow_nan=False)}\n".encode(),
        }
        for name, content in written.items():
            atomic_file.write(options.to / name, content)
    except (ArtifactError, LoanFileError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    except OSError as error:
        print(f"error: {error.filename or options.to}: {error.strerror or error}.", file=sys.stderr)
        return EXIT_UNUSABLE
    print("".join(f"skipped: {line}\n" for line in _skipped(log.skipped, "the log")), end="")
    print("".join(f"skipped: {line}\n" for line in _skipped(outcomes.skipped, "the outcomes")), end="")
    counts = summary["log"]
    print(f"{counts['lines']:,} lines = {counts['predictions']:,} predictions + {counts['skipped']:,} skipped")
    print(f"{counts['with_outcome']:,} of the predictions have an outcome")
    print(*(f"written: {options.to / name}" for name in written), sep="\n")
    return EXIT_SKIPPED if log.skipped.count or outcomes.skipped.count else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m credit_risk_model.monitoring", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    about = "write outcomes.html and outcomes.json: how good the answers were, their calibration, and drift by period"
    add = commands.add_parser("outcomes", help=about, description=about).add_argument
    add(
        "log", type=Path, metavar="LOG", help="the prediction log, JSON Lines; or a folder or a quoted pattern of files"
    )
    add(
        "outcomes", type=Path, metavar="OUTCOMES",
        help="CSV or Parquet with the ids (request_id and, for batches, index; or id or loan_id) and the outcomes",
    )  # fmt: skip
    add("--by", choices=PERIODS, default="week", help="the periods to compare (default: %(default)s)")
    add("--id", metavar="COLUMN", help="the column of OUTCOMES with the ids (default: request_id, id or loan_id)")
    add(
        "--outcome", metavar="COLUMN", default=STATUS,
        help=f"the column of OUTCOMES with {LENDER}'s statuses, or safe and risky (default: %(default)s)",
    )  # fmt: skip
    add(
        "--artifact", type=Path, action="append", metavar="FILE",
        help="an artifact whose training data the PSI compares with (default: those in the package)",
    )  # fmt: skip
    add("--to", type=Path, default=Path(), metavar="FOLDER", help="the target folder (default: this one)")
    return parser


def _read(options: argparse.Namespace) -> tuple[PredictionLog, Outcomes, Joined]:
    """Read both files.

    Raises:
        LoanFileError: the log has no predictions, or none of them has an outcome.
    """
    files = paths(options.log)
    log = PredictionLog([options.log] if files is None else files)
    outcomes = Outcomes(options.outcomes, options.id, options.outcome)
    joined = Joined(log, outcomes, options.by)
    if not joined.models:
        reasons = "; ".join(_skipped(log.skipped, "the log")) or "it is empty"
        raise LoanFileError(f"{str(options.log)!r} has no predictions: {reasons}.")
    if not joined.matched:
        raise LoanFileError(
            f"None of the predictions has an outcome: the log has request ids such as {joined.example!r}, and "
            f"{str(options.outcomes)!r} has ids such as {outcomes.example!r}. Send the id of the loan as X-Request-ID, "
            "or name another column with --id; the loans of a batch need the columns request_id and index."
        )
    return log, outcomes, joined


def _summary(
    log: PredictionLog, outcomes: Outcomes, joined: Joined, period: str, references: Mapping[str, Reference]
) -> dict[str, Any]:
    return {
        "log": {
            "lines": log.lines,
            "predictions": log.lines - log.skipped.count,
            "with_outcome": joined.matched,
            "skipped": log.skipped.count,
            "reasons": log.skipped.by_reason(),
        },
        "outcomes": {
            "rows": outcomes.rows,
            "unused": outcomes.unused,
            "skipped": outcomes.skipped.count,
            "reasons": outcomes.skipped.by_reason(),
        },
        "period": period,
        "models": {name: _model(frame, joined.versions[name], references) for name, frame in joined.models.items()},
    }


def _model(
    predictions: pd.DataFrame, versions: "Counter[tuple[str, str]]", references: Mapping[str, Reference]
) -> dict[str, Any]:
    (_, most_used), _ = versions.most_common(1)[0]
    made = [
        {"version": version, "artifact": digest, "predictions": count} for (version, digest), count in versions.items()
    ]
    return {"versions": made, **summarise(predictions, references.get(most_used))}


def _skipped(skipped: Skipped, where: str) -> list[str]:
    return [f"{each['rows']:,} in {where}: {each['reason']}; first {each['first']}" for each in skipped.by_reason()]


if __name__ == "__main__":
    sys.exit(main())
