"""Decides which findings stop the training, and runs the suites of deepchecks."""

import os
import re
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from credit_risk_model.artifact.library import lightgbm
from credit_risk_model.categories import CreditRisk
from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.lending_club_book import troubled_share
from credit_risk_model.training import checks
from credit_risk_model.training.checks import Finding
from credit_risk_model.training.preparation import RISK

ACCEPTED = Path(__file__).parent / "accepted_findings.yaml"

# If a check of these suites fails, the figures of the model are not valid. Findings of deepchecks are only noted.
STOPPING = ("loans", "split", "living_book", "model")
# A model can be made without an input that has only one value: LightGBM ignores it, and the model card names it.
_NOTED = ("loans", "Is Single Value")
# These checks show rows of single loans. The first is left out; of the others, only the result is kept.
_LEFT_OUT = "Outlier Sample Detection"
# deepchecks 0.19 uses these names, which numpy 2 has dropped.
_NUMPY_1 = {"Inf": np.inf, "NINF": -np.inf, "NaN": np.nan}
_SHOWN_WITHOUT_ROWS = ("Conflicting Labels", "Data Duplicates", "Train Test Samples Mix")


class ValidationError(Exception):
    """A check of `STOPPING` failed and its finding was not accepted, or the file of accepted findings is not valid."""


@dataclass(frozen=True)
class Report:
    """The findings of one suite, and the page that shows them."""

    findings: list[Finding]
    page: bytes


def has_deepchecks() -> bool:
    """Return whether deepchecks is installed; the extra `reports` installs it."""
    return find_spec("deepchecks") is not None


def data_integrity(loans: pd.DataFrame) -> Report:
    """Run the checks on all prepared loans, as recorded."""
    return _run("data_integrity", _dataset(loans, LOAN))


def train_test_validation(learning: pd.DataFrame, held_back: pd.DataFrame) -> Report:
    """Run the checks that compare training loans and held-out loans, on one view of each loan."""
    return _run(
        "train_test_validation", *(_dataset(checks.one_view(rows), ON_BOOK or LOAN) for rows in (learning, held_back))
    )


def model_evaluation(
    learning: pd.DataFrame,
    held_back: pd.DataFrame,
    booster: lightgbm.Booster,
    threshold: float,
    features: FeatureSet = LOAN,
) -> Report:
    """Run the checks of the model's predictions."""
    importance = pd.Series(booster.feature_importance("gain"), index=booster.feature_name())
    return _run(
        "model_evaluation",
        _dataset(learning, features),
        _dataset(held_back, features),
        _Classifier(booster, threshold, features),
        # Without this argument, deepchecks would measure it by permutation, which takes most of a minute.
        feature_importance=importance / importance.sum(),
    )


def current_limit() -> float:
    """Return the largest share of the current loans of the book that a model may call risky.

    This is three times the share of loans that are late or in grace among the published loans that are being paid.
    """
    return 3 * troubled_share()


def living_book(flagged: float) -> Finding:
    """Check the share of the current loans of the book that the model calls risky."""
    limit = current_limit()
    return Finding(
        "living_book",
        "Current Loans Flagged",
        "passed" if flagged <= limit else "failed",
        f"the share of current loans called risky is at most {limit:.1%}, three times the share of loans that are late "
        f"or in grace: {flagged:.1%}",
    )


def accepted(path: Path = ACCEPTED) -> dict[tuple[str, str], str]:
    """Return the reason for each accepted finding, by its suite and check.

    Raises:
        ValidationError: an entry lacks its suite, check or reason.
    """
    entries = yaml.safe_load(path.read_text()) or []
    try:
        reasons = {(entry["suite"], entry["check"]): str(entry["reason"]).strip() for entry in entries}
    except (KeyError, TypeError) as error:
        raise ValidationError(f"An entry of {path.name!r} lacks its suite, check or reason: {error}.") from error
    for (suite, check), reason in reasons.items():
        if not reason:
            raise ValidationError(f"{path.name!r} accepts {check!r} of {suite} without a reason.")
    return reasons


def table(findings: Iterable[Finding], reasons: dict[tuple[str, str], str]) -> str:
    """Return lines to print: a count for each suite, then the failed findings."""
    findings = list(findings)
    lines = []
    for suite in dict.fromkeys(finding.suite for finding in findings):
        counts = [
            f"{sum(f.suite == suite and f.status == status for f in findings):>3} {status}"
            for status in ("passed", "failed", "could not run")
        ]
        lines.append(f"  {suite:<24}{','.join(counts)}")
    for finding in findings:
        if finding.status == "failed":
            reason = reasons.get((finding.suite, finding.check))
            verdict = f"accepted: {reason}" if reason else "stops" if _stops(finding, reasons) else "noted"
            lines.append(f"  failed: {finding.check}: {finding.details} ({verdict})")
    return "\n".join(lines)


def stop_at_what_matters(findings: Iterable[Finding], reasons: dict[tuple[str, str], str]) -> None:
    """Stop if a check of `STOPPING` failed and its finding was not accepted.

    Raises:
        ValidationError: names all such checks.
    """
    stopping = [finding for finding in findings if _stops(finding, reasons)]
    if stopping:
        named = "; ".join(f"{finding.check!r} of {finding.suite}: {finding.details}" for finding in stopping)
        raise ValidationError(
            f"Checks failed, so no artifact was written: {named}. Correct the data, or accept a finding with a "
            f"reason in {ACCEPTED.name}."
        )


def _stops(finding: Finding, reasons: dict[tuple[str, str], str]) -> bool:
    check = (finding.suite, finding.check)
    return finding.status == "failed" and finding.suite in STOPPING and check != _NOTED and check not in reasons


def as_json(findings: Iterable[Finding], reasons: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
    """Return the findings for `validation.json`; an accepted finding has its reason."""
    return [
        asdict(finding)
        | (
            {"accepted": reasons[finding.suite, finding.check]}
            if finding.status == "failed" and (finding.suite, finding.check) in reasons
            else {}
        )
        for finding in findings
    ]


class _Classifier:
    """The model and its threshold with the methods of a scikit-learn classifier, which deepchecks calls."""

    def __init__(self, booster: lightgbm.Booster, threshold: float, features: FeatureSet) -> None:
        self.classes_ = sorted(CreditRisk)
        self._booster = booster
        self._threshold = threshold
        self._names = features.names

    def predict_proba(self, loans: pd.DataFrame) -> NDArray[np.float64]:
        risky = np.asarray(self._booster.predict(loans[self._names]))
        return np.column_stack([risky, 1 - risky])

    def predict(self, loans: pd.DataFrame) -> NDArray[Any]:
        risky, safe = self.classes_
        return np.where(self.predict_proba(loans)[:, 0] >= self._threshold, risky.value, safe.value)


def _deepchecks() -> Any:
    # It sends usage statistics unless this is set before its import, which takes seconds.
    os.environ["DISABLE_DEEPCHECKS_ANONYMOUS_TELEMETRY"] = "true"
    with warnings.catch_warnings():
        # Its dependencies are newer than deepchecks 0.19, and warn about deprecated calls.
        warnings.simplefilter("ignore")
        for name, value in _NUMPY_1.items():
            setattr(np, name, value)
        import_module("deepchecks.tabular.suites")
        return import_module("deepchecks.tabular")


def _dataset(loans: pd.DataFrame, features: FeatureSet) -> Any:
    return _deepchecks().Dataset(
        loans[[*features.names, RISK]].astype({RISK: "object"}),
        label=RISK,
        features=features.names,
        cat_features=[feature.name for feature in features.features if feature.categories],
    )


def _run(name: str, *arguments: Any, **options: Any) -> Report:
    suite = getattr(_deepchecks().suites, name)()
    for index, check in list(suite.checks.items()):
        if check.name() == _LEFT_OUT:
            suite.remove(index)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        result = suite.run(*arguments, **options)
        for check in result.results:
            if check.check.name() in _SHOWN_WITHOUT_ROWS and hasattr(check, "display"):
                check.display = []
        path = Path(folder) / "suite.html"
        result.save_as_html(str(path), as_widget=False, requirejs=False)
        page = path.read_text()
    return Report([finding for check in result.results for finding in _findings(name, check)], _slim(page))


def _findings(suite: str, result: Any) -> list[Finding]:
    check = result.check.name()
    if not hasattr(result, "conditions_results"):
        return [Finding(suite, check, "could not run", str(result.exception).partition("\n")[0])]
    return [
        Finding(
            suite,
            check,
            {"PASS": "passed", "ERROR": "could not run"}.get(condition.category.name, "failed"),
            f"{condition.name}: {condition.details}",
        )
        for condition in result.conditions_results
    ]


def _slim(page: str) -> bytes:
    """Keep one copy of Plotly, which has 5 MB. deepchecks writes one for each figure, and one for RequireJS."""
    seen = set()

    def once(script: re.Match[str]) -> str:
        if len(script[0]) > 1_000_000 and (script[0] in seen or 'require.undef("plotly")' in script[0]):
            return ""
        seen.add(script[0])
        return script[0]

    return re.sub(r"<script[^>]*>.*?</script>", once, page, flags=re.DOTALL).encode()
