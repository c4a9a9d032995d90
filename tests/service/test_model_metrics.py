"""The metrics of what a model is asked and answers, and the shares of its training."""

import math
import re
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.service.model_metrics import ModelMetrics, Observation
from tests.conftest import ROOT, STOPPED
from tests.docs.documents import blocks
from tests.service import process
from tests.service.models import Watched
from tests.service.process import Service

WATCHED = "/api/models/watched/prediction"
MODEL = {"class_path": "tests.service.models.Watched"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with process.ready(tmp_path, MODEL, {}, {"class_path": "tests.service.models.WithoutReference"}) as service:
        yield service


def samples(service: Service, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a metric by the values of their labels, which are sorted, without the model's name."""
    families = text_string_to_metric_families(service.client.get("/metrics").text)
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(value for key, value in each.labels.items() if key != "model"): each.value for each in found}


def ask(service: Service, number: float, *sizes: int) -> None:
    items = [{"size": size} for size in sizes]
    assert service.client.post(WATCHED, json={"number": number, "items": items}).status_code == 200


def counted(service: Service, value: str) -> dict[str, float]:
    """Return the bins of an input, or of the score, that are not 0."""
    found = samples(service, "model_values_total")
    return {name: count for (name, counted), count in found.items() if counted == value and count}


def test_answers_are_counted_by_label(service: Service) -> None:
    assert samples(service, "model_labels_total") == {("low",): 0, ("high",): 0}

    for number in (1, 4, 7):
        ask(service, number)

    assert samples(service, "model_labels_total") == {("low",): 2, ("high",): 1}


def test_numbers_are_counted_up_to_the_edge_of_their_bin(service: Service) -> None:
    for number in (-5, 1, 1.01, 2.5, 2.51, 1e300):
        ask(service, number)

    assert counted(service, "number") == {"1": 2, "2.5": 2, "+Inf": 2}


def test_categories_are_counted_and_unknown_ones_share_a_bin(service: Service) -> None:
    for number in (1, 3, 2, 0.5, 0.25):
        ask(service, number)

    assert counted(service, "kind") == {"odd": 2, "even": 1, "other": 2}


def test_values_and_scores_may_be_missing(service: Service) -> None:
    for number in (98, 99, 3):
        ask(service, number)

    assert counted(service, "number") == {"+Inf": 2, "missing": 1}
    assert counted(service, "score") == {"0.5": 1, "+Inf": 1, "missing": 1}


def test_each_loan_of_a_batch_is_counted(service: Service) -> None:
    ask(service, 1, *range(600))
    ask(service, 1)

    assert samples(service, "model_labels_total") == {("low",): 6, ("high",): 595}
    assert counted(service, "number") == {"1": 3, "2.5": 1, "+Inf": 596, "missing": 1}
    assert samples(service, "model_batch_size_count") == {(): 2}
    assert samples(service, "model_batch_size_sum") == {(): 601}


def test_the_shares_of_the_reference_are_shown(service: Service) -> None:
    shares = samples(service, "model_values_reference_share")

    assert samples(service, "model_labels_reference_share") == {("low",): 0.75, ("high",): 0.25}
    for name, expected in Watched.reference["values"].items():
        assert {part: share for (part, value), share in shares.items() if value == name} == expected


def test_a_model_without_a_reference_has_no_such_metrics(service: Service) -> None:
    service.predict()
    assert service.client.post("/api/models/without_reference/prediction", json={"number": 1}).status_code == 200

    lines = re.findall(r"^model_(?:labels|values|batch).*", service.client.get("/metrics").text, re.MULTILINE)
    assert lines
    assert [line for line in lines if 'model="watched"' not in line] == []


def test_invalid_requests_and_failed_predictions_are_not_counted(service: Service) -> None:
    statuses = [service.client.post(WATCHED, json={"number": number}).status_code for number in ("x", 400, 501)]

    assert statuses == [400, 400, 500]
    assert sum(samples(service, "model_labels_total").values()) == 0


def test_an_answer_whose_observations_fail_is_sent_and_logged(service: Service) -> None:
    answer = service.client.post(WATCHED, json={"number": 404})

    assert (answer.status_code, answer.json()) == (200, {"number": 404})
    assert "An answer of watched is missing in the metrics or the prediction log." in service.log
    assert sum(samples(service, "model_labels_total").values()) == 0


def test_a_value_of_the_wrong_type_costs_neither_the_answer_nor_the_other_metrics(service: Service) -> None:
    ask(service, 9700)
    ask(service, 3)

    assert service.client.get("/metrics").status_code == 200
    assert "1 of 2 answers are missing in the metrics:" in service.log
    ask(service, 3)
    assert counted(service, "number") == {"+Inf": 2}, "the wrong one spoils no other"


def test_a_decorated_model_is_counted(tmp_path: Path) -> None:
    doubled = MODEL | {"decorators": [{"class_path": "tests.service.models.Doubling"}]}
    with process.ready(tmp_path, doubled) as service:
        ask(service, 2)

        assert counted(service, "number") == {"+Inf": 1}, "the decorator's answer is 4"


def test_the_example_of_the_documentation_has_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [code] = blocks(ROOT / "docs" / "monitoring.md", "python")
    (tmp_path / "my_model.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with process.ready(tmp_path, {"class_path": "my_model.Doubler"}) as service:
        assert service.client.post("/api/models/doubler/prediction", json={"number": 21}).json() == {"number": 42}

        assert samples(service, "model_labels_total") == {("small",): 1, ("large",): 0}
        assert counted(service, "number") == {"100": 1}


def counts(*observations: Observation) -> dict[tuple[str, ...], float]:
    """Return the counts by value and bin, and by label, that are not 0."""
    registry = CollectorRegistry()
    observe = ModelMetrics(registry).add("watched", Watched.reference)
    for observation in observations:
        observe(observation)
    return {
        (each.labels.get("value", "label"), each.labels.get("bin") or each.labels["label"]): each.value
        for family in registry.collect()
        for each in family.samples
        if each.name in ("model_values_total", "model_labels_total") and each.value
    }


NUMBERS = [1.0, 1.5, 2.5, 2.6, -7.0, math.inf, -math.inf, math.nan]


@pytest.fixture(params=["with numpy", "without numpy"])
def numpy_or_not(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without numpy":
        monkeypatch.setitem(sys.modules, "numpy", None)


@pytest.mark.usefixtures("numpy_or_not")
@pytest.mark.parametrize("times", [1, 200], ids=["counted with others", "counted at once"])
@pytest.mark.parametrize("make", [list, tuple, np.array, partial(np.array, dtype=object), pd.Series])
def test_columns_of_any_kind_are_counted_as_their_loans(
    make: Callable[[Any], Any], times: int, caplog: pytest.LogCaptureFixture
) -> None:
    numbers, kinds = times * NUMBERS, times * ["odd", "even", "odd", "odd", "odd", "fraction", "even", "odd"]
    scores, labels = times * [0.1, 0.5, 0.6, 1.0, 0.0, 0.2, 0.3, 0.4], times * ["low", "high", *6 * ["low"]]
    loans = [
        ({"number": number, "kind": kind}, score, label)
        for number, kind, score, label in zip(numbers, kinds, scores, labels, strict=True)
    ]

    found = counts(({"number": make(numbers), "kind": make(kinds)}, make(scores), make(labels)))

    assert found == counts(*loans)
    assert caplog.text == ""
    assert {name: number / times for name, number in found.items() if name[0] == "number"} == {
        ("number", "1"): 3,
        ("number", "2.5"): 2,
        ("number", "+Inf"): 2,
        ("number", "missing"): 1,
    }


@pytest.mark.usefixtures("numpy_or_not")
@pytest.mark.parametrize("unusual", [None, math.nan, Decimal("NaN")], ids=str)
@pytest.mark.parametrize("others", [[1, 2], [10**400, 1.5], [Decimal(1), Decimal(3)]], ids=["usual", "large", "exact"])
def test_missing_numbers_are_found_among_unusual_ones(unusual: Any, others: list[Any]) -> None:
    batch = {"number": [*others, unusual, *others], "kind": 5 * ["odd"]}, None, 5 * ["low"]

    found = counts(batch)

    assert found["number", "missing"] == 1
    assert sum(count for (name, _), count in found.items() if name == "number") == 5
    assert found["score", "missing"] == 5


@pytest.mark.usefixtures("numpy_or_not")
@pytest.mark.parametrize("times", [1, 2_000], ids=["counted with others", "counted at once"])
def test_a_wrong_value_of_a_batch_spoils_no_other(times: int, caplog: pytest.LogCaptureFixture) -> None:
    batch = {"number": [*times * [3], "text"], "kind": [*times * ["odd"], "odd"]}, None, [*times * ["low"], "low"]

    found = counts(batch, Watched.observation(3))

    assert found["number", "+Inf"] == times + 1
    assert "1 of " in caplog.text


@pytest.mark.usefixtures("numpy_or_not")
def test_lists_arrays_and_single_loans_are_counted_together() -> None:
    random = np.random.default_rng(7)
    sizes = [*random.integers(0, 40, 150), 1_500]
    columns = [np.round(random.choice([random.normal(2, 2, size), np.full(size, 2.5)]), 1) for size in sizes]
    batches = [
        ({"number": column if position % 2 else column.tolist(), "kind": ["odd"] * len(column)}, column / 10, ["low"])
        for position, column in enumerate(columns)
    ]
    singles = [({"number": float(number), "kind": "even"}, None, "high") for number in random.normal(2, 2, 300)]

    found = counts(*((inputs, scores, len(scores) * labels) for inputs, scores, labels in batches), *singles)

    numbers = [*np.concatenate(columns).tolist(), *(inputs["number"] for inputs, _, _ in singles)]
    assert [found["number", name] for name in ("1", "2.5", "+Inf")] == [
        sum(number <= 1 for number in numbers),
        sum(1 < number <= 2.5 for number in numbers),
        sum(number > 2.5 for number in numbers),
    ]
    assert (found["label", "low"], found["label", "high"]) == (sum(sizes), 300)


@pytest.mark.usefixtures("numpy_or_not")
def test_times_are_not_counted_as_numbers(caplog: pytest.LogCaptureFixture) -> None:
    times = np.array(["2026-11-26", "2026-11-27"], dtype="datetime64[s]")

    assert counts(({"number": times, "kind": ["odd", "odd"]}, None, ["low", "low"])) == {}
    assert "2 of 2 answers are missing" in caplog.text


def test_what_waits_to_be_counted_is_only_what_will_be() -> None:
    class Large:
        pass

    large = Large()
    gone = weakref.ref(large)
    observe = ModelMetrics(CollectorRegistry()).add("watched", Watched.reference)
    observe(({"number": 1.0, "kind": "odd", "other": large, "more": 1}, 0.5, "low"))
    del large

    assert gone() is None


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("different lengths: [1, 2]")):
        counts(({"number": [1, 2], "kind": ["odd"]}, [0.5, 0.5], ["low", "low"]))


def test_no_observation_is_lost_between_threads() -> None:
    registry = CollectorRegistry()
    observe = ModelMetrics(registry).add("watched", Watched.reference)
    rounds, threads = 2_000, 4

    def observing() -> None:
        for number in range(rounds):
            observe(Watched.observation(number))

    working = [threading.Thread(target=observing) for _ in range(threads)]
    for thread in working:
        thread.start()
    while any(thread.is_alive() for thread in working):
        generate_latest(registry)

    [values] = [each for each in registry.collect() if each.name == "model_values"]
    for name in Watched.reference["values"]:
        assert sum(each.value for each in values.samples if each.labels["value"] == name) == rounds * threads


def test_the_models_of_the_package_are_counted(
    practice_artifact: Path, practice_on_book_artifact: Path, tmp_path: Path, loan: dict[str, Any]
) -> None:
    models = [
        {"class_path": f"credit_risk_model.prediction.{path}", "configuration": {"artifact_path": str(artifact)}}
        for path, artifact in (
            ("model.CreditRiskModel", practice_artifact),
            ("explanation.CreditRiskExplanationModel", practice_artifact),
            ("batch.CreditRiskBatchModel", practice_artifact),
            ("on_book.CreditRiskOnBookModel", practice_on_book_artifact),
        )
    ]
    bodies: dict[str, Any] = {
        "credit_risk_model": loan,
        "credit_risk_explanation_model": loan | {"number_of_reasons": 2},
        "credit_risk_batch_model": {"loans": [loan, loan | STOPPED]},
        "credit_risk_on_book_model": loan | {"months_since_issue": 7},
    }
    with process.ready(tmp_path, *models) as service:
        for name, body in bodies.items():
            assert service.client.post(f"/api/models/{name}/prediction", json=body).status_code == 200

        families = {each.name: each for each in text_string_to_metric_families(service.client.get("/metrics").text)}

    for name in bodies:
        counts = [each for each in families["model_values"].samples if each.labels["model"] == name]
        labels = [each.value for each in families["model_labels"].samples if each.labels["model"] == name]
        loans = 2 if "batch" in name else 1
        fields = (ON_BOOK if "on_book" in name else LOAN).fields
        assert sum(labels) == loans
        for value in (*fields, "score"):
            assert sum(each.value for each in counts if each.labels["value"] == value) == loans
        assert [each.labels for each in counts if each.labels["bin"] == "other" and each.value] == []
