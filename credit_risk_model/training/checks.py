"""Checks the loans, their split and the model. A failed check stops the training, unless its finding was accepted.

Names, statistics and limits of the checks of the loans and of the split are those of deepchecks. A test compares the
results of both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from credit_risk_model.feature_set import FeatureSet
from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.training.estimator import SEED
from credit_risk_model.training.preparation import RISK
from credit_risk_model.training.views import LOAN_NUMBER

# Numbers among texts are a defect if their share is between these: below it is negligible, above it may be intended.
_RARE_TYPE = (0.01, 0.1)
_PREDICTIVE_POWER = 0.8
_PREDICTIVE_POWER_LEARNED = 0.7
_PREDICTIVE_POWER_CHANGE = 0.2
_SAMPLES_MIX = 0.05
_FEATURE_DRIFT = 0.2
_LABEL_DRIFT = 0.15
_MULTIVARIATE_DRIFT = 0.25
_GAIN = 0.05  # of the average precision, which gains less than the scores that deepchecks compares

_RARE_CATEGORY = 0.01  # categories with a smaller share are merged
_ROWS_FOR_POWER = 5_000
_ROWS_FOR_DOMAINS = 10_000


@dataclass(frozen=True)
class Finding:
    """The result of one condition of a check: `status` is `passed`, `failed` or `could not run`."""

    suite: str
    check: str
    status: str
    details: str


def of_loans(loans: pd.DataFrame, features: FeatureSet = LOAN) -> list[Finding]:
    """Check all prepared loans, as recorded."""
    names = features.names
    conflicts = loans.groupby(names, dropna=False, observed=True)[RISK].transform("nunique") > 1
    power = {name: predictive_power(loans, name) for name in names}
    rare = {name: _rarer_type(loans[name]) for name in names}
    return [
        _finding("loans", "Conflicting Labels", "no loans differ only in their risk", _share(conflicts), 0.0),
        _finding_of_columns(
            "loans", "Is Single Value", "no column has only one value",
            {name: loans[name].nunique() for name in [*names, RISK]}, lambda count: count == 1,
        ),
        _finding_of_columns(
            "loans", "Mixed Data Types", "no column mixes texts with 1 % to 10 % of numbers, or the reverse",
            rare, lambda share: _RARE_TYPE[0] < share < _RARE_TYPE[1],
        ),
        _finding_of_columns(
            "loans", "Feature Label Correlation", f"no feature alone has a predictive power of {_PREDICTIVE_POWER}",
            power, lambda score: score >= _PREDICTIVE_POWER,
        ),
    ]  # fmt: skip


def one_view(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one view of each loan.

    These checks assume independent rows. With many views of a loan, they would report that income predicts risk.
    """
    return rows.sample(frac=1, random_state=SEED).drop_duplicates(LOAN_NUMBER)


def of_split(learning: pd.DataFrame, held_out: pd.DataFrame, features: FeatureSet = ON_BOOK or LOAN) -> list[Finding]:
    """Compare the loans of the training with those held out; each row is another loan."""
    columns = [*features.names, RISK]
    categorical = [feature.name for feature in features.features if feature.categories]
    mixed = held_out[columns].merge(learning[columns].drop_duplicates(), how="left", on=columns, indicator=True)
    power = {name: predictive_power(learning, name) for name in features.names}
    change = {name: abs(power[name] - predictive_power(held_out, name)) for name in features.names}
    drift = {
        name: category_drift(learning[name], held_out[name])
        if name in categorical
        else number_drift(learning[name], held_out[name])
        for name in features.names
    }
    return [
        _finding(
            "split", "New Label Train Test", "no risk occurs only in the held-out loans",
            _share(~held_out[RISK].isin(learning[RISK].unique())), 0.0,
        ),
        _finding_of_columns(
            "split", "New Category Train Test", "no category occurs only in the held-out loans",
            {name: _share(~held_out[name].dropna().isin(learning[name].unique())) for name in categorical},
            lambda share: share > 0,
        ),
        _finding(
            "split", "Train Test Samples Mix", f"at most {_SAMPLES_MIX:.0%} of held-out loans equal training loans",
            _share(mixed["_merge"] == "both"), _SAMPLES_MIX,
        ),
        _finding_of_columns(
            "split", "Feature Label Correlation",
            f"no feature alone has a predictive power of {_PREDICTIVE_POWER_LEARNED} in the training loans",
            power, lambda score: score >= _PREDICTIVE_POWER_LEARNED,
        ),
        _finding_of_columns(
            "split", "Feature Label Correlation Change",
            f"the predictive power of no feature changes by {_PREDICTIVE_POWER_CHANGE}",
            change, lambda score: score >= _PREDICTIVE_POWER_CHANGE,
        ),
        _finding_of_columns(
            "split", "Feature Drift", f"the drift of each feature is below {_FEATURE_DRIFT}",
            drift, lambda score: score >= _FEATURE_DRIFT,
        ),
        _finding(
            "split", "Label Drift", f"the drift of the risk is at most {_LABEL_DRIFT}",
            category_drift(learning[RISK], held_out[RISK]), _LABEL_DRIFT,
        ),
        _finding(
            "split", "Multivariate Drift",
            f"a classifier separates the two sides with 2 AUC - 1 of at most {_MULTIVARIATE_DRIFT}",
            domain_drift(learning, held_out, features), _MULTIVARIATE_DRIFT,
        ),
    ]  # fmt: skip


def of_model(risky: NDArray[np.bool_], probability: NDArray[np.float64]) -> Finding:
    """Compare the model on `n` held-out rows with a random order of them; all arrays have shape (n,).

    The average precision of a random order is the share s of risky rows. The gain is (average precision - s) / (1 - s).
    """
    share = float(risky.mean())
    gain = (float(average_precision_score(risky, probability)) - share) / (1 - share)
    return Finding(
        "model", "Simple Model Comparison", "passed" if gain > _GAIN else "failed",
        f"the gain in average precision over a random order is above {_GAIN:.0%}: {gain:.1%}",
    )  # fmt: skip


def constant_inputs(loans: pd.DataFrame, features: FeatureSet = LOAN) -> list[str]:
    """Return the names of the features that have only one value."""
    return [name for name in features.names if loans[name].nunique() == 1]


def category_drift(before: pd.Series, after: pd.Series) -> float:
    """Return Cramér's V of two samples, from 0 to 1, with the bias correction of Bergsma (2013).

    Categories that are rare in `before` are merged, and the larger sample is scaled to the size of the smaller one.
    """
    counts = pd.DataFrame({"before": _counts(before), "after": _counts(after)}).fillna(0.0)
    rare = counts["before"] < _RARE_CATEGORY * counts["before"].sum()
    table = [*counts[~rare].to_numpy(), counts[rare].sum().to_numpy()]
    matrix = np.array([row for row in table if row.any()])
    matrix = np.round(matrix * (matrix.sum(axis=0).min() / matrix.sum(axis=0)))
    matrix = matrix[matrix.any(axis=1)]
    if len(matrix) < 2:
        return 0.0
    total, (rows, columns) = matrix.sum(), matrix.shape
    phi = max(0.0, chi2_contingency(matrix)[0] / total - (rows - 1) * (columns - 1) / (total - 1))
    corrected = min(size - (size - 1) ** 2 / (total - 1) for size in (rows, columns))
    return float(np.sqrt(phi / (corrected - 1)))


def number_drift(before: pd.Series, after: pd.Series) -> float:
    """Return the Kolmogorov-Smirnov statistic of two samples, from 0 to 1."""
    return float(ks_2samp(before.dropna(), after.dropna(), method="asymp").statistic)


def domain_drift(before: pd.DataFrame, after: pd.DataFrame, features: FeatureSet) -> float:
    """Return 2 AUC - 1, at least 0, of a small classifier that predicts which sample a loan comes from."""
    size = min(len(before), len(after), _ROWS_FOR_DOMAINS)
    rows = np.concatenate([features.encode_frame(sample.sample(size, random_state=SEED)) for sample in (before, after)])
    side = np.repeat([0, 1], size)
    rows, asked, side, answer = train_test_split(rows, side, stratify=side, random_state=SEED, test_size=0.3)
    classifier = HistGradientBoostingClassifier(
        max_depth=2,
        max_iter=10,
        random_state=SEED,
        categorical_features=[feature.categories is not None for feature in features.features],
    ).fit(rows, side)
    return max(0.0, 2.0 * float(roc_auc_score(answer, classifier.predict_proba(asked)[:, 1])) - 1.0)


def predictive_power(loans: pd.DataFrame, name: str) -> float:
    """Return the predictive power score of one feature for the risk, from 0 to 1.

    F is the weighted F1 of a decision tree in 4-fold cross-validation. G is the better F1 of two guesses: always the
    most frequent risk, and the shuffled risks. The score is (F - G) / (1 - G), or 0 if that is negative.
    """
    rows = loans[[name, RISK]].dropna()
    rows = rows.sample(min(len(rows), _ROWS_FOR_POWER), random_state=SEED)
    risks, codes = rows[RISK].astype(object), rows[RISK].cat.codes.to_numpy()
    if risks.nunique() < 2:
        return 0.0
    column = rows[[name]]
    if not pd.api.types.is_numeric_dtype(column[name]):
        column = OneHotEncoder().fit_transform(column.astype(str))
    found = cross_val_score(DecisionTreeClassifier(random_state=SEED), column, codes, cv=4, scoring="f1_weighted")
    guesses = (np.full_like(codes, np.bincount(codes).argmax()), np.random.default_rng(SEED).permutation(codes))
    guessed = max(float(f1_score(codes, guess, average="weighted")) for guess in guesses)
    return max(0.0, (float(found.mean()) - guessed) / (1.0 - guessed))


def _counts(values: pd.Series) -> pd.Series:
    return values.astype(object).value_counts()


def _share(mask: "pd.Series | NDArray[np.bool_]") -> float:
    return float(np.mean(mask)) if len(mask) else 0.0


def _rarer_type(column: pd.Series) -> float:
    """Return the share of the rarer kind, numbers or texts, in a column of texts; 0 for a column of numbers."""
    if pd.api.types.is_numeric_dtype(column):
        return 0.0
    numbers = _share(pd.to_numeric(column.dropna().astype(object), errors="coerce").notna())
    return min(numbers, 1.0 - numbers)


def _finding(suite: str, check: str, condition: str, score: float, limit: float) -> Finding:
    return Finding(suite, check, "passed" if score <= limit else "failed", f"{condition}: {score:.4g}")


def _finding_of_columns(
    suite: str, check: str, condition: str, scores: dict[str, Any], fails: Callable[[Any], bool]
) -> Finding:
    failing = {name: score for name, score in scores.items() if fails(score)}
    shown = ", ".join(f"{name} {score:.4g}" for name, score in failing.items())
    highest = max(scores, key=scores.__getitem__)
    return Finding(
        suite, check, "failed" if failing else "passed",
        f"{condition}: {shown or f'{highest} has the highest, {scores[highest]:.4g}'}",
    )  # fmt: skip
