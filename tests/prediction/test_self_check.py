"""The self-check finds a model that computes other probabilities than in training."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from credit_risk_model import artifact
from credit_risk_model.artifact import ArtifactError
from credit_risk_model.features import FEATURES, LOAN
from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.explanation import CreditRiskExplanationModel
from credit_risk_model.prediction.model import CreditRiskModel, ScoringModel
from credit_risk_model.prediction.self_check import compare
from tests.artifact.damage import model_text, needed, pickled, resealed, zipped

MODELS = [CreditRiskModel, CreditRiskBatchModel, CreditRiskExplanationModel]


@pytest.fixture
def checks() -> Sequence[artifact.CheckedLoan]:
    return artifact.read(artifact.PACKAGED, features=LOAN.specification()).self_check


@pytest.fixture
def subtly_other(tmp_path: Path, checks: Sequence[artifact.CheckedLoan]) -> Path:
    """The shipped artifact with correct digests and one changed leaf (by 1e-6) that the self-check reaches."""
    members = needed()
    text = model_text(members["model.joblib"])
    rows = LOAN.encode_loans([checks[2].loan])
    booster = lightgbm.Booster(model_str=text.decode())
    leaf = np.asarray(booster.predict(rows, pred_leaf=True), dtype=int)[0, 5]
    line = re.search(rb"leaf_value=(.*)", text[text.index(b"Tree=5\n") :])
    assert line
    values = line[1].split(b" ")
    values[leaf] = repr(float(values[leaf]) + 1e-6).encode()
    changed = text.replace(line[1], b" ".join(values))
    return zipped(tmp_path / "1.zip", resealed(members | {"model.joblib": pickled(changed)}))


@pytest.mark.parametrize("model", MODELS)
def test_the_shipped_model_reproduces_its_training(model: type[ScoringModel]) -> None:
    model().self_check()


@pytest.mark.parametrize("model", MODELS)
def test_a_practice_model_reproduces_its_training(model: type[ScoringModel], practice_artifact: Path) -> None:
    model(str(practice_artifact)).self_check()


@pytest.mark.parametrize("model", MODELS)
def test_a_subtly_changed_leaf_is_found(
    model: type[ScoringModel], subtly_other: Path, checks: Sequence[artifact.CheckedLoan]
) -> None:
    with pytest.raises(ArtifactError) as caught:
        model(str(subtly_other)).self_check()

    found = re.search(r"loan (\d+) of 20 .*: expected (\S+), found (\S+?)\. ", str(caught.value))
    assert found, caught.value
    assert float(found[2]) == checks[int(found[1]) - 1].probability
    assert 1e-9 < abs(float(found[3]) - float(found[2])) < 1e-6


@pytest.mark.parametrize("model", MODELS)
def test_another_probability_in_the_artifact_is_found(model: type[ScoringModel], tmp_path: Path) -> None:
    members = needed()
    record = json.loads(members["self_check.json"])
    record["loans"][-1]["probability"] += 2e-9
    path = zipped(tmp_path / "1.zip", resealed(members | {"self_check.json": json.dumps(record).encode()}))

    with pytest.raises(ArtifactError, match="loan 20 of 20"):
        model(str(path)).self_check()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "change",
    [lambda loan: loan | {"loan_amount": -1}, lambda loan: {}, lambda loan: loan | {"term": "ever"}],
    ids=["out of range", "no fields", "no category"],
)
def test_an_invalid_loan_is_refused(
    model: type[ScoringModel], tmp_path: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> None:
    members = needed()
    record = json.loads(members["self_check.json"])
    record["loans"][0]["loan"] = change(record["loans"][0]["loan"])
    path = zipped(tmp_path / "1.zip", resealed(members | {"self_check.json": json.dumps(record).encode()}))

    with pytest.raises(ArtifactError, match="invalid loan"):
        model(str(path)).self_check()


def test_contributions_that_do_not_explain_the_probability_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    model = CreditRiskExplanationModel()
    contributions = model._scorer.contributions
    monkeypatch.setattr(model._scorer, "contributions", lambda loans: contributions(loans) * (1 + 1e-6))

    with pytest.raises(ArtifactError, match="another sum of contributions than in training"):
        model.self_check()


def test_a_result_that_is_nan_is_refused() -> None:
    with pytest.raises(ArtifactError, match="found nan"):
        compare([float("nan")], [0.5])


def test_the_loans_are_synthetic_and_reach_the_limits(checks: Sequence[artifact.CheckedLoan]) -> None:
    about = json.loads(needed()["self_check.json"])["about"]

    assert about.startswith("Synthetic loans")
    for feature in FEATURES:
        values = {check.loan[feature.field] for check in checks}
        if feature.categories:
            assert values == set(feature.categories)
        else:
            assert {feature.minimum, feature.maximum} <= values
    assert min(check.probability for check in checks) < 0.01
    assert max(check.probability for check in checks) > 0.5


def test_all_models_have_the_digest_of_their_artifact() -> None:
    digests = {model().artifact_digest for model in MODELS}

    assert digests == {artifact.read(artifact.PACKAGED, features=LOAN.specification()).digest}
    assert re.fullmatch("[0-9a-f]{64}", digests.pop())
