"""An artifact is loaded once and shared by all models that use it."""

import gc
import hashlib
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from credit_risk_model import artifact
from credit_risk_model.artifact import ArtifactError
from credit_risk_model.features import LOAN
from credit_risk_model.prediction import scorer
from credit_risk_model.prediction.batch import CreditRiskBatchModel
from credit_risk_model.prediction.explanation import CreditRiskExplanationModel
from credit_risk_model.prediction.model import CreditRiskModel


def test_the_models_share_one_loaded_artifact(monkeypatch: pytest.MonkeyPatch, practice_artifact: Path) -> None:
    reads = []
    read = artifact.read

    def counted(path: Path, **options: Any) -> artifact.Artifact:
        reads.append(path)
        return read(path, **options)

    monkeypatch.setattr(artifact, "read", counted)

    models = [
        made(str(practice_artifact)) for made in (CreditRiskModel, CreditRiskExplanationModel, CreditRiskBatchModel)
    ]

    assert len(reads) == 1
    assert len({id(model._scorer) for model in models}) == 1


def test_a_replaced_file_is_loaded_again(practice_artifact: Path, tmp_path: Path) -> None:
    path = tmp_path / "1.zip"
    shutil.copy(practice_artifact, path)
    before = scorer.load(path)
    shutil.copy(artifact.PACKAGED, path)

    assert scorer.load(path).digest != before.digest


def test_an_unused_scorer_is_freed(practice_artifact: Path) -> None:
    before = len(scorer._loaded)
    loaded = scorer.load(practice_artifact)
    held = len(scorer._loaded)
    del loaded
    gc.collect()

    assert len(scorer._loaded) <= before <= held


def test_a_wrong_digest_is_refused_even_if_the_artifact_is_loaded(practice_artifact: Path) -> None:
    held = scorer.load(practice_artifact)

    with pytest.raises(ArtifactError, match="not the configured one"):
        scorer.load(practice_artifact, "0" * 64)
    assert held.threshold


def test_a_pinned_artifact_is_shared_with_an_unpinned_one(practice_artifact: Path) -> None:
    digest = hashlib.sha256(practice_artifact.read_bytes()).hexdigest()

    assert scorer.load(practice_artifact) is scorer.load(practice_artifact, digest.upper())


def test_predictions_and_explanations_do_not_disturb_each_other(loan: dict[str, Any]) -> None:
    model = scorer.load()
    rows = LOAN.encode_loans([loan])
    probability, contributions = model.probabilities(rows), model.contributions(rows)
    wrong = []

    def ask() -> None:
        for _ in range(30):
            if model.probabilities(rows) != probability or not np.array_equal(model.contributions(rows), contributions):
                wrong.append(1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
