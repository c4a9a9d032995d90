"""The run from loans to an artifact: what learns from what, what is packaged, and where a run resumes."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

from credit_risk_model import artifact
from credit_risk_model.features import ON_BOOK
from credit_risk_model.training import (
    checks,
    comparison,
    estimator,
    model_card,
    pipeline,
    profile,
    split,
    steps,
    synthetic,
    validation,
)
from credit_risk_model.training.validation import ValidationError
from tests.conftest import ROOT

MEMBERS = {
    "metadata.json",
    "model.joblib",
    "self_check.json",
    "model_card.md",
    "evaluation.json",
    "validation.json",
}
PAGES = {
    "evaluation.html",
    "profile.html",
    "data_integrity.html",
    "train_test_validation.html",
    "model_evaluation.html",
}


# What is known of the loans is packaged once, with the first model.
OF_THE_LOANS = {"profile.html", "data_integrity.html", "train_test_validation.html"}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def packaged(loans_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the two artifacts of a whole run."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # Few loans differ by chance here and there, which does not matter to this test.
        patch.setattr(validation, "STOPPING", ())
        patch.setattr(estimator, "ARTICLE", estimator.ARTICLE | {"n_estimators": 30})
        pipeline.run(loans_file, folder / "1.zip", source="4,000 synthetic loans")
        assert not list(folder.glob("build/training/*"))
    return folder


@pytest.fixture(scope="module")
def members(packaged: Path) -> dict[str, bytes]:
    """What a whole run packages for the first model, in both of its files."""
    return artifact.verify(packaged / "1.zip") | pages_of(packaged / "1.zip")


def pages_of(path: Path) -> dict[str, bytes]:
    """Return the pages in the second file of an artifact."""
    return artifact.verify_evidence(path, json.loads(artifact.verify(path)["metadata.json"]))


def test_the_on_book_model_comes_with_its_own_evidence(packaged: Path) -> None:
    on_book_members = artifact.verify(packaged / "on_book_1.zip")
    metadata = json.loads(on_book_members["metadata.json"])
    card = on_book_members["model_card.md"].decode()

    assert on_book_members.keys() == MEMBERS
    assert pages_of(packaged / "on_book_1.zip").keys() == PAGES - OF_THE_LOANS
    assert metadata["model"] == "credit_risk_on_book_model"
    assert metadata["features"] == ON_BOOK.specification()
    assert set(metadata["compared"]) == {
        "this model",
        "LightGBM's defaults",
        "the article's configuration",
        "this model without the age",
    }
    assert "`months_since_issue`" in card
    assert card.index("## On a book of living loans") < card.index("## The model")


def test_the_pages_are_in_a_second_file(packaged: Path) -> None:
    assert artifact.verify(packaged / "1.zip").keys() == MEMBERS
    assert pages_of(packaged / "1.zip").keys() == PAGES


def test_without_the_extra_of_the_reports_its_pages_are_left_out(
    loans_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("deepchecks", "data_profiling"):
        monkeypatch.setitem(sys.modules, name, None)  # as where it is not installed
    monkeypatch.setattr(validation, "STOPPING", ())
    monkeypatch.setattr(estimator, "ARTICLE", estimator.ARTICLE | {"n_estimators": 5})

    pipeline.run(loans_file, Path("1.zip"), source="4,000 synthetic loans")

    assert artifact.verify(Path("1.zip")).keys() == MEMBERS
    assert pages_of(Path("1.zip")).keys() == {"evaluation.html"}
    assert "deepchecks is not installed" in capsys.readouterr().out


def test_the_evaluation_and_the_metadata_agree(members: dict[str, bytes]) -> None:
    evaluation, metadata = json.loads(members["evaluation.json"]), json.loads(members["metadata.json"])

    assert evaluation["metrics"] == metadata["metrics"]
    assert evaluation["threshold"] == metadata["threshold"]
    assert set(metadata["compared"]) == {
        "this model",
        "LightGBM's defaults",
        "the article's configuration",
        "learned from the loans as recorded",
        "this model without payments",
    }
    assert set(evaluation["populations"]) == set(comparison.POPULATIONS)
    for name, value in metadata["metrics"].items():
        low, high = evaluation["intervals"][name]
        assert low <= value <= high


def test_the_pages_need_no_network(members: dict[str, bytes]) -> None:
    for name, content in members.items():
        if name.endswith(".html"):
            loaded = re.findall(rb'<(?:script|img|link)[^>]*(?:src|href)="(https?:[^"]*)', content)
            assert loaded == [], name


def test_each_page_starts_with_its_model_its_loans_and_its_limits(packaged: Path) -> None:
    for name, model in (("1.zip", "credit_risk_model"), ("on_book_1.zip", "credit_risk_on_book_model")):
        pages = pages_of(packaged / name)
        assert len(pages) >= 2
        for page in pages.values():
            text = page.decode()
            start = text[text.index("<body") :][:2_000]
            assert model in start
            assert "<b>Loans:</b> 4,000 synthetic loans<br>" in start
            assert "<b>Limits:</b> " in start


@pytest.mark.parametrize("name", ["1.zip", "on_book_1.zip"])
def test_the_card_says_how_many_loans_of_each_status_are_found(packaged: Path, name: str) -> None:
    members = artifact.verify(packaged / name)
    evaluation, card = json.loads(members["evaluation.json"]), members["model_card.md"].decode()

    statuses = {group["group"]: group for group in evaluation["groups"]["status"]}
    for status, group in statuses.items():
        assert f"| {status} | {group['loans']:,} | {group['flagged'] / group['loans']:.1%} |" in card
    late = statuses["Late (16-30 days)"]
    limits = card[card.index("## Limits") :]
    assert f"it finds {late['flagged'] / late['loans']:.0%} of those with the status Late (16-30 days)" in limits
    living = evaluation["populations"]["loans being paid"]
    assert f"average precision is {living['average_precision']:.3f} and its F1 {living['f1']:.3f}" in limits
    assert f"| current loans called `risky` | {evaluation['current_flagged']:.3f} |" in card
    assert "the best F1 among those that call at most 6.5% of the current loans risky" in card


@pytest.mark.parametrize("reports", [True, False])
def test_a_model_that_flags_the_current_loans_is_not_packaged(
    loans_file: Path, monkeypatch: pytest.MonkeyPatch, reports: bool
) -> None:
    monkeypatch.setattr(estimator, "choose_threshold", lambda *_: 0.01)

    with pytest.raises(ValidationError, match=r"'Current Loans Flagged' of living_book: .* is at most 9\.7%"):
        pipeline.run(loans_file, Path("1.zip"), source="a test", reports=reports)

    assert not list(Path().glob("*.zip"))


@pytest.mark.parametrize("reports", [True, False])
def test_a_model_that_ranks_hardly_better_than_chance_is_not_packaged(
    loans_file: Path, monkeypatch: pytest.MonkeyPatch, reports: bool
) -> None:
    monkeypatch.setattr(estimator, "probabilities", lambda booster, loans, features=None: np.full(len(loans), 0.07))

    with pytest.raises(ValidationError, match=r"'Simple Model Comparison' of model: .*: 0\.0%"):
        pipeline.run(loans_file, Path("1.zip"), source="a test", reports=reports)

    assert not list(Path().glob("*.zip"))


def test_loans_with_an_input_of_one_value_are_packaged_and_the_card_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("deepchecks", "data_profiling"):
        monkeypatch.setitem(sys.modules, name, None)  # as where it is not installed
    monkeypatch.setattr(estimator, "ARTICLE", estimator.ARTICLE | {"n_estimators": 5})
    synthetic.loans(4_000).assign(collections_12_mths_ex_med=0.0).to_csv("loan.csv", index=False)

    pipeline.run(Path("loan.csv"), Path("1.zip"), source="4,000 synthetic loans")

    assert "CollectionsInLast12Months 1 (noted)" in capsys.readouterr().out
    for path in ("1.zip", "on_book_1.zip"):
        card = artifact.verify(Path(path))["model_card.md"].decode()
        assert "- **The model ignores `collections_in_last_12_months`**" in card


def test_no_path_of_a_machine_is_packaged(members: dict[str, bytes], loans_file: Path) -> None:
    for name, content in members.items():
        assert str(loans_file.parent).encode() not in content, name
        assert str(Path.home()).encode() + b"/" not in content, name


def test_the_card_says_first_what_the_model_is_for(members: dict[str, bytes]) -> None:
    card = members["model_card.md"].decode()
    metadata = json.loads(members["metadata.json"])

    assert card.index("It must not decide on applications") < card.index("## The model")
    without = metadata["compared"]["this model without payments"]["the book"]
    assert f"| this model without payments | the book | {without['risky_share']:.3f} |" in card
    assert card.index("## On a book of living loans") < card.index("## The model")
    assert f"{metadata['data']['held_back']:,} were held out" in card
    assert all(f"{year} {count:,}" in card for year, count in metadata["data"]["years"].items())
    assert "## Limits" in card
    assert "The model ignores" not in card


def test_every_column_of_the_profile_is_described(members: dict[str, bytes]) -> None:
    page = members["profile.html"].decode()

    for name, description in profile.DESCRIPTIONS.items():
        assert name in page
        assert description.split("'")[0] in page, name


def test_no_model_sees_the_rows_it_is_judged_by(loans_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[pd.DataFrame] = []
    chosen: list[int] = []
    fit, choose = estimator.fit, estimator.choose_threshold

    def recorded_fit(loans: pd.DataFrame, *arguments: Any, **options: Any) -> lightgbm.Booster:
        fitted.append(loans)
        return fit(loans, {"n_estimators": 5}, *arguments[1:], **options)

    def recorded_choice(risky: Any, probability: Any, current: Any) -> float:
        chosen.append(len(risky))
        return choose(risky, probability, current)

    monkeypatch.setattr(estimator, "fit", recorded_fit)
    monkeypatch.setattr(estimator, "choose_threshold", recorded_choice)
    metadata = pipeline.run(loans_file, Path("1.zip"), source="a test", reports=False)

    for rehearsal, final in (fitted[:2], fitted[2:]):  # of both models
        assert not split.held_back(rehearsal).any()
        assert not split.for_validation(rehearsal).any()
        assert not split.held_back(final).any()
        assert chosen == [split.for_validation(final).sum()] * 2
        assert len(rehearsal) + chosen[0] == len(final) == metadata["data"]["learned_from"]
        assert len(final) + metadata["data"]["held_back"] == metadata["data"]["rows"]


def test_a_failed_run_resumes_after_its_finding_is_accepted(
    loans_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("deepchecks", "data_profiling"):
        monkeypatch.setitem(sys.modules, name, None)  # as where it is not installed
    monkeypatch.setattr(estimator, "ARTICLE", estimator.ARTICLE | {"n_estimators": 5})
    monkeypatch.setattr(checks, "_FEATURE_DRIFT", 0.0)  # so that a check fails
    findings = Path("accepted_findings.yaml")
    findings.write_text("")
    monkeypatch.setattr(validation.accepted, "__defaults__", (findings,))
    Path("1.zip").write_bytes(b"old")
    with pytest.raises(ValidationError, match="'Feature Drift' of split"):
        pipeline.run(loans_file, Path("1.zip"), source="a test")
    assert Path("1.zip").read_bytes() == b"old"
    capsys.readouterr()

    findings.write_text("[{suite: split, check: Feature Drift, reason: The limit of this test is zero.}]")
    monkeypatch.setattr(model_card, "text", lambda *_: "# A card with other words")
    pipeline.run(loans_file, Path("1.zip"), source="other words")

    printed = capsys.readouterr().out
    for step in (
        "model credit_risk_model",
        "comparison credit_risk_model",
        "checks of the loans",
        "checks of the split",
    ):
        assert f"{step}: kept from before" in printed
    assert artifact.verify(Path("1.zip"))["model_card.md"] == b"# A card with other words"
    assert not list(Path("build").rglob("*.pickle"))


@pytest.mark.parametrize("module", ["estimator", "comparison", "checks", "evaluation", "profile", "validation"])
def test_no_step_depends_on_the_words_of_the_card_or_of_the_pages(module: str) -> None:
    code = steps.sources(ROOT, f"credit_risk_model.training.{module}")

    assert {"credit_risk_model.training.preparation", "credit_risk_model.features"} <= code.keys()
    assert not {"model_card", "report", "lending_club_words", "pipeline"} & {name.rpartition(".")[2] for name in code}


def test_the_same_file_gives_the_same_model(loans_file: Path, members: dict[str, bytes]) -> None:
    pipeline.run(loans_file, Path("1.zip"), source="4,000 synthetic loans", reports=False)

    assert artifact.verify(Path("1.zip"))["model.joblib"] == members["model.joblib"]
