"""The profile of the prepared loans: what each column holds, for somebody who has never seen them."""

import os
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from credit_risk_model.features import FEATURES
from credit_risk_model.training.preparation import RISK, YEAR

DESCRIPTIONS = {feature.name: feature.description for feature in FEATURES} | {
    RISK: "What the model predicts: risky if the loan was charged off, is in default or late; safe otherwise.",
    YEAR: "The year in which the loan was issued. No input of the model.",
}


def is_installed() -> bool:
    """Say whether the library is installed: it comes with the extra `reports`."""
    return find_spec("data_profiling") is not None


def page(loans: pd.DataFrame) -> bytes:
    """Return the profile of prepared loans as a self-contained HTML page, without a row of any single loan."""
    # The library reports its use to its makers unless told otherwise, and reads this when it is called.
    os.environ["YDATA_PROFILING_NO_ANALYTICS"] = "true"
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        # The libraries it uses warn of what comes next in them.
        warnings.simplefilter("ignore")
        # Imported here: it takes seconds, and only this function needs it.
        from data_profiling import ProfileReport

        report = ProfileReport(
            loans,
            title="Loans that the credit-risk model is made from",
            variables={"descriptions": DESCRIPTIONS},
            samples=None,
            duplicates=None,
            interactions=None,
            progress_bar=False,
        )
        path = Path(folder) / "profile.html"
        report.to_file(path, silent=True)
        return path.read_bytes()
