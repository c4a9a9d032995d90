"""Creates the profile of the prepared loans, which describes the values of each column."""

import os
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from credit_risk_model.features import FEATURES
from credit_risk_model.lending_club import RISK_MEANING
from credit_risk_model.training.preparation import RISK, YEAR

DESCRIPTIONS = {feature.name: feature.description for feature in FEATURES} | {
    RISK: f"What the model predicts: {RISK_MEANING}.",
    YEAR: "The year in which the loan was issued. The model does not use it.",
}


def is_installed() -> bool:
    """Return whether the library is installed; the extra `reports` installs it."""
    return find_spec("data_profiling") is not None


def page(loans: pd.DataFrame) -> bytes:
    """Return the profile of prepared loans as a self-contained HTML page. It shows no single loan."""
    # The library sends usage statistics unless this is set before the call.
    os.environ["YDATA_PROFILING_NO_ANALYTICS"] = "true"
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        # Its dependencies warn about their own future changes.
        warnings.simplefilter("ignore")
        # Imported here, because the import takes seconds and only this function needs it.
        from data_profiling import ProfileReport

        report = ProfileReport(
            loans,
            title="Loans that the credit-risk model was trained on",
            variables={"descriptions": DESCRIPTIONS},
            samples=None,
            duplicates=None,
            interactions=None,
            progress_bar=False,
        )
        path = Path(folder) / "profile.html"
        report.to_file(path, silent=True)
        return path.read_bytes()
