"""The prediction log: what it contains, where it is written, and that it never delays a prediction."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy
import pytest
from opentelemetry import trace
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, Field

from credit_risk_model.service import configuration
from credit_risk_model.service.framework import LoadedModel
from credit_risk_model.service.prediction_log import PredictionLog
from credit_risk_model.service.settings import Settings
from tests.conftest import ROOT, until
from tests.docs.documents import blocks
from tests.service import process
from tests.service.models import Watched
from tests.service.process import Service

WATCHED = "/api/models/watched/prediction"
MODEL = {"class_path": "tests.service.models.Watched"}
DROPPED = "prediction_log_dropped_total"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "predictions.jsonl"


@pytest.fixture
def service(tmp_path: Path, path: Path) -> Iterator[Service]:
    with process.ready(tmp_path, MODEL, service={"prediction_log": str(path)}) as service:
        yield service


def lines(path: Path, count: int) -> list[dict[str, Any]]:
    """Return the lines once there are `count` of them; the service writes them a moment later."""
    until(lambda: path.read_text().count("\n") >= count, f"{count} lines")
    return [json.loads(line) for line in path.read_text().splitlines()]


def ask(service: Service, number: float, *sizes: int, request_id: str = "") -> httpx.Response:
    body = {"number": number, "items": [{"size": size} for size in sizes]}
    headers = {"X-Request-ID": request_id} if request_id else {}
    return service.client.post(WATCHED, json=body, headers=headers)


def test_each_answer_has_a_line_in_the_prediction_log(service: Service, path: Path) -> None:
    ask(service, 7, request_id="first")

    [line] = lines(path, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "request_id": "first",
        "model": "watched",
        "model_version": "1.2.3",
        "artifact_digest": "f00d",
        "inputs": {"number": 7, "kind": "odd"},
        "score": 0.7,
        "label": "high",
    }


def test_each_loan_of_a_batch_has_a_line_with_its_position(service: Service, path: Path) -> None:
    ask(service, 1, *range(1_000), request_id="batch")

    found = lines(path, 1_000)
    assert {line["request_id"] for line in found} == {"batch"}
    assert [(line["index"], line["inputs"]["number"]) for line in found][:99] == [(n, n) for n in range(99)]
    assert len(found) == 1_000


def test_a_score_that_is_missing_is_left_out(service: Service, path: Path) -> None:
    ask(service, 98)

    [line] = lines(path, 1)
    assert "score" not in line


def test_refused_requests_and_failed_predictions_have_no_line(service: Service, path: Path) -> None:
    statuses = [ask(service, number).status_code for number in (400, 501, 1)]

    assert statuses == [400, 500, 200]
    [line] = lines(path, 1)
    assert line["inputs"]["number"] == 1


@pytest.mark.parametrize(("omitted", "kept"), [("number", {"kind": "odd"}), ("*", {})])
def test_inputs_can_be_left_out(tmp_path: Path, path: Path, omitted: str, kept: dict[str, Any]) -> None:
    settings = {"prediction_log": str(path), "prediction_log_omit": omitted}
    with process.ready(tmp_path, MODEL, service=settings) as service:
        ask(service, 77)

        [line] = lines(path, 1)

    assert line["inputs"] == kept
    assert "77" not in json.dumps(line | {"score": None, "time": None, "request_id": None})


def test_inputs_inside_of_others_and_with_aliases_can_be_left_out(path: Path) -> None:
    class Person(BaseModel):
        income: float = Field(alias="annualIncome")
        age: int

    class Application(BaseModel):
        people: list[Person]

    people = [Person(annualIncome=50_000, age=40)]
    model = SimpleNamespace(qualified_name="nested", version="1", input_schema=Application)
    for omitted in ("income", "annualIncome"):
        settings = Settings(prediction_log=str(path), prediction_log_omit=omitted)
        log = PredictionLog(settings, CollectorRegistry())
        observe = log.observer(LoadedModel(model, "", "", None, 0))
        score: Any = numpy.float32(0.5)
        observe(({"people": people, "income": 1, "annualIncome": 1}, score, "low"))
        observe(({"people": people, "ratio": math.nan}, math.inf, "low"))
        log.finish()

    assert [line["inputs"] for line in lines(path, 4)] == 2 * [
        {"people": [{"age": 40}]},
        {"people": [{"age": 40}], "ratio": None},
    ]
    assert [line["score"] for line in lines(path, 4)] == 2 * [0.5, None]


def test_a_misspelt_input_is_found_after_loading_if_the_schema_is_a_property(tmp_path: Path, path: Path) -> None:
    model = {"class_path": "tests.service.models.WatchedAsDict"}
    settings = {"prediction_log": str(path), "prediction_log_omit": "numbr"}
    with process.starting(tmp_path, model, service=settings) as service:
        until(lambda: service.statuses() == (503, 503, 200), "the load has failed")

        assert "no model has the input 'numbr'. Did you mean 'number'?" in service.log


def test_a_validated_answer_is_observed_and_an_observation_never_costs_the_answer(tmp_path: Path, path: Path) -> None:
    model = {"class_path": "tests.service.models.WatchedAsDict"}
    with process.ready(tmp_path, model, service={"prediction_log": str(path)}) as service:
        url = "/api/models/watched_as_dict/prediction"
        answers = [service.client.post(url, json={"number": number}) for number in (503, 0, 7)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"number": number}) for number in (503, 0, 7)
    ]
    [line] = lines(path, 1)
    assert line["inputs"] == {"number": 7, "kind": "odd"}


def test_a_file_that_cannot_be_opened_again_costs_only_its_lines(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    path, registry = folder / "predictions.jsonl", CollectorRegistry()
    log = PredictionLog(Settings(prediction_log=str(path)), registry)
    observe = log.observer(LoadedModel(Watched(), "", "", None, 0))

    folder.rename(tmp_path / "moved")
    observe(({}, None, "lost"))
    until(lambda: registry.get_sample_value(DROPPED) == 1, "the loss is counted")
    folder.mkdir()
    observe(({}, None, "written"))

    until(path.exists, "the file is made again")
    assert [line["label"] for line in lines(path, 1)] == ["written"]
    log.finish()


def test_the_example_of_the_documentation_is_valid(tmp_path: Path) -> None:
    [example] = blocks(ROOT / "docs" / "monitoring.md", "yaml")
    (tmp_path / "configuration.yaml").write_text(example)

    assert configuration.read(tmp_path / "configuration.yaml", {}).service.omitted == {
        "annual_income",
        "home_ownership",
    }


def test_there_is_no_log_unless_it_is_configured(tmp_path: Path) -> None:
    with process.ready(tmp_path, MODEL) as service:
        assert ask(service, 1).status_code == 200

        assert "prediction_log" not in service.client.get("/metrics").text


def test_all_lines_are_written_before_the_end(service: Service, path: Path) -> None:
    for number in range(50):
        ask(service, number)
    service.signal()
    service.process.wait(timeout=60)

    assert [line["inputs"]["number"] for line in lines(path, 50)] == list(range(50))


def test_a_rotated_file_is_replaced(service: Service, path: Path) -> None:
    ask(service, 1)
    lines(path, 1)
    path.rename(path.with_suffix(".1"))
    ask(service, 2)

    until(path.exists, "a new file")
    assert [line["inputs"]["number"] for line in lines(path, 1)] == [2]
    assert [line["inputs"]["number"] for line in lines(path.with_suffix(".1"), 1)] == [1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    with process.ready(tmp_path, MODEL, service={"prediction_log": "/dev/full"}) as service:
        assert [ask(service, number).status_code for number in range(5)] == [200] * 5

        until(lambda: service.metric(DROPPED) == 5, "counted")
        assert "Traceback" not in service.log


def test_a_log_that_is_not_read_drops_lines_and_delays_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with process.ready(tmp_path, MODEL, service={"prediction_log": str(pipe)}) as service:
            sizes = range(1_000)  # 150 kB of lines
            until(lambda: ask(service, 1, *sizes).status_code == 200 and service.metric(DROPPED) > 3, "dropped")

            assert service.statuses() == (200, 200, 200)
    finally:
        os.close(reader)


def test_a_file_that_cannot_be_written_ends_the_start(tmp_path: Path) -> None:
    path = process.write_configuration(tmp_path, MODEL, service={"prediction_log": "/nowhere/log"})

    done = subprocess.run(
        [*process.COMMAND, "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"REST_CONFIG": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 1
    assert done.stderr == "Cannot write the prediction log '/nowhere/log': No such file or directory.\n"


def test_standard_output_has_only_the_prediction_log(tmp_path: Path) -> None:
    path = process.write_configuration(tmp_path, MODEL, service={"prediction_log": "stdout"})
    log, output = tmp_path / "stderr", tmp_path / "stdout"
    with log.open("w") as errors, output.open("w") as predictions:
        started = subprocess.Popen(
            [sys.executable, "-m", "credit_risk_model.service", "--port", "0"],
            cwd=ROOT,
            env=os.environ | {"REST_CONFIG": str(path)},
            stdout=predictions,
            stderr=errors,
        )
    try:
        until(lambda: "Ready after" in log.read_text(), "ready")
        [url] = re.findall(r"running on (http://\S+)", log.read_text())
        httpx.post(f"{url}{WATCHED}", json={"number": 3}, timeout=60)

        [line] = lines(output, 1)
    finally:
        started.kill()
        started.wait()

    assert line["label"] == "low"


def test_a_batch_is_logged_by_its_loans_with_values_of_python(path: Path) -> None:
    log = PredictionLog(Settings(prediction_log=str(path)), CollectorRegistry())
    observe = log.observer(LoadedModel(Watched(), "f00d", "", None, 0))
    observe(({"number": numpy.array([1, 2]), "kind": ("odd", "even")}, numpy.array([0.5, math.nan]), ["low", "high"]))
    observe(({"number": [3]}, None, numpy.array(["low"])))
    observe(({"number": []}, [], []))
    observe(({"number": 4}, 0.25, "low"))
    log.finish()

    assert [(line.get("index"), line["inputs"], line.get("score"), line["label"]) for line in lines(path, 4)] == [
        (0, {"number": 1, "kind": "odd"}, 0.5, "low"),
        (1, {"number": 2, "kind": "even"}, None, "high"),
        (None, {"number": 3}, None, "low"),
        (None, {"number": 4}, 0.25, "low"),
    ]


def test_a_line_has_the_id_of_its_trace(path: Path) -> None:
    log = PredictionLog(Settings(prediction_log=str(path)), CollectorRegistry())
    observe = log.observer(LoadedModel(Watched(), "f00d", "", None, 0))
    span = trace.NonRecordingSpan(trace.SpanContext(trace_id=0xABC, span_id=1, is_remote=True))

    with trace.use_span(span):
        observe(({}, None, "low"))
    log.finish()

    [line] = lines(path, 1)
    assert line["trace_id"] == f"{0xABC:032x}"
