"""The command line of the training: `python -m credit_risk_model.training`."""

from credit_risk_model.training import process

if __name__ == "__main__":
    process.prepare()  # before the long imports

import argparse
import sys
from pathlib import Path

from credit_risk_model.artifact import PACKAGED, ArtifactError
from credit_risk_model.lending_club import LENDER
from credit_risk_model.loan_files.arguments import add_stated, stated
from credit_risk_model.training import pipeline, synthetic
from credit_risk_model.training.dataset import DatasetError
from credit_risk_model.training.estimator import EstimatorError
from credit_risk_model.training.preparation import PreparationError
from credit_risk_model.training.validation import ValidationError

PRACTICE = Path("build") / "synthetic"


def main(arguments: list[str] | None = None) -> int:
    """Train, and return the exit code: 0, or 1 if the data or the output cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m credit_risk_model.training",
        description="Train the credit-risk model and write its artifact.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help=f"a file of {LENDER}'s loans, in any format that scoring reads (default: synthetic loans, for practice)",
    )
    add_stated(parser)
    parser.add_argument(
        "--source", metavar="WORDS", help="a description of the loans for the model card (default: the file's name)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=f"the artifact to write (default: the shipped one; for synthetic loans {PRACTICE / '1.zip'})",
    )
    parser.add_argument("--rows", type=int, default=20_000, help="number of synthetic loans (default: %(default)s)")
    parser.add_argument(
        "--no-reports",
        dest="reports",
        action="store_false",
        help="skip the evaluation, the reports, and all checks except the two of the model",
    )
    options = parser.parse_args(arguments)
    practice = options.data is None or options.data.resolve().is_relative_to(PRACTICE.resolve())
    data = options.data or PRACTICE / "loan.csv.gz"
    output = options.output or (PRACTICE / "1.zip" if practice else PACKAGED)
    if output.resolve() == data.resolve():
        parser.error(f"--output is the input file {str(data)!r}: name another file")
    if practice and output.resolve() == PACKAGED.resolve():
        parser.error(
            "synthetic loans cannot replace the shipped artifact: use real loans with --data, or another --output"
        )
    if options.rows < 1:
        parser.error(f"--rows is {options.rows}, expected at least 1")
    try:
        source = options.source or data.name
        if options.data is None:
            synthetic.write(data, rows=options.rows)
            source = f"{options.rows:,} SYNTHETIC loans from the project's generator, seed {synthetic.SEED}"
        pipeline.run(data, output, source=source, reports=options.reports, stated=stated(options))
    except (DatasetError, PreparationError, EstimatorError, ValidationError, ArtifactError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: Cannot write to {str(error.filename)!r}: {error.strerror}.", file=sys.stderr)
        return 1
    print(f"Wrote {output}" + (". It was trained on synthetic loans, for practice only." if practice else "."))
    return 0


if __name__ == "__main__":
    process.run(main, "Run the same command to resume.")
