"""The command line of the training: `python -m credit_risk_model.training`."""

import argparse
import sys
from pathlib import Path

from credit_risk_model.artifact import PACKAGED, ArtifactError
from credit_risk_model.training import invented, pipeline
from credit_risk_model.training.dataset import DatasetError
from credit_risk_model.training.estimator import EstimatorError
from credit_risk_model.training.preparation import PreparationError

PRACTICE = Path("build") / "invented"


def main(arguments: list[str] | None = None) -> int:
    """Train, and return the exit code: 0, or 1 where the data or the output cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m credit_risk_model.training",
        description="Train the credit-risk model and write its artifact.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="Lending Club's loan.csv, plain or gzip; without it, the model practises on invented loans",
    )
    parser.add_argument(
        "--source", metavar="WORDS", help="where the loans come from, for the metadata (default: the file's name)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=f"the artifact to write (default: the shipped one; for invented loans {PRACTICE / '1.zip'})",
    )
    parser.add_argument("--rows", type=int, default=20_000, help="number of invented loans (default: %(default)s)")
    parser.add_argument(
        "--no-compare", dest="compare", action="store_false", help="do not fit the two models it is compared with"
    )
    options = parser.parse_args(arguments)
    if options.data is None:
        if options.output is not None and options.output.resolve() == PACKAGED.resolve():
            parser.error("invented loans never replace the shipped artifact; give --data, or another --output")
        if options.rows < 1:
            parser.error(f"--rows is {options.rows}, expected at least 1")
    try:
        if options.data is None:
            data, output = PRACTICE / "loan.csv.gz", options.output or PRACTICE / "1.zip"
            invented.write(data, rows=options.rows)
            source = f"{options.rows:,} INVENTED loans from the project's generator, seed {invented.SEED}"
        else:
            data, output = options.data, options.output or PACKAGED
            source = options.source or data.name
        pipeline.run(data, output, source=source, compare=options.compare)
    except (DatasetError, PreparationError, EstimatorError, ArtifactError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Wrote {output}" + (", made from invented loans: for practice only." if options.data is None else "."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
