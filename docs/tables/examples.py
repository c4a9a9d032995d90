"""Writes the files in examples/, which contain no borrower's data: `python -m docs.tables.examples`."""

import json
from pathlib import Path

from benchmarks import results
from credit_risk_model.features import ON_BOOK
from credit_risk_model.training import synthetic

FOLDER = results.ROOT / "examples"
LOAN = FOLDER / "loan.json"
FILE = FOLDER / "synthetic_loans.csv"
ROWS = 200


def main(folder: Path = FOLDER) -> None:
    """Write one loan as a request, and a file of synthetic loans in the format of Lending Club's file."""
    (folder / LOAN.name).write_text(json.dumps(ON_BOOK.example, indent=2) + "\n")
    synthetic.write(folder / FILE.name, rows=ROWS)


if __name__ == "__main__":
    main()
