"""A real Prometheus on the running service: every query of the dashboard and of the rules returns something."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from credit_risk_model.features import LOAN, ON_BOOK
from credit_risk_model.service.state import TRUTH_TABLE, State
from tests.conftest import CONFIGURATION, until
from tests.deployment.prometheus import (
    ALERTS,
    DASHBOARD,
    PANELS,
    RECORDED,
    Prometheus,
    expression,
    needs_prometheus,
    repeating,
    scraping,
)
from tests.service.process import free_port, running

MODEL = "credit_risk_on_book_batch_model"
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
# Traces without a collector: the export fails.
TRACES = (
    {
        "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    if find_spec("opentelemetry.exporter")
    else {}
)
# The panels that every Grafana has.
BUILT_IN = {"barchart", "bargauge", "row", "stat", "status-history", "table", "timeseries"}
SELECTOR = re.compile(r"\b(?:\w+\{[^}]*\}|\w+(?::\w+)+(?:\{[^}]*\})?)")  # name{label="x"}, level:name:operation


def under_load(client: httpx.Client) -> AbstractContextManager[None]:
    """Request predictions of every model until the end, about once a second: one loan, and a batch of 500."""

    def ask() -> None:
        for family, features in (("credit_risk", LOAN), ("credit_risk_on_book", ON_BOOK)):
            for kind in ("", "_explanation", "_batch"):
                body: Any = {"loans": 500 * [features.example]} if kind == "_batch" else features.example
                client.post(f"/api/models/{family}{kind}_model/prediction", json=body)

    return repeating(ask, every=1)


@pytest.fixture(scope="module")
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, practice_artifact: Path, practice_on_book_artifact: Path
) -> Iterator[Prometheus]:
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    content = yaml.safe_load(CONFIGURATION.read_text())
    for model in content["models"]:
        artifact = practice_on_book_artifact if ".on_book." in model["class_path"] else practice_artifact
        model["configuration"] = {"artifact_path": str(artifact)}
    configuration = folder / "rest_configuration.yaml"
    configuration.write_text(yaml.safe_dump(content))
    with (
        running(folder, configuration, {"REST_METRICS_PORT": str(port), **TRACES}) as service,
        scraping(folder, {"a": port}) as prometheus,
    ):
        until(lambda: service.client.get("/api/health/ready").status_code == 200, "ready")
        with under_load(service.client):
            yield prometheus


@needs_prometheus
@pytest.mark.parametrize(("title", "target"), TARGETS, ids=range(len(TARGETS)))
def test_every_query_of_the_dashboard_returns_something(
    title: str, target: dict[str, Any], prometheus: Prometheus
) -> None:
    query = expression(target, MODEL)

    assert until(lambda: prometheus.query(query), f"{title}: {query}")


@needs_prometheus
@pytest.mark.parametrize("record", RECORDED)
def test_every_recording_rule_returns_something(record: str, prometheus: Prometheus) -> None:
    assert until(lambda: prometheus.query(record), record)


@needs_prometheus
@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_every_metric_of_an_alert_exists(alert: dict[str, Any], prometheus: Prometheus) -> None:
    """The service is healthy, so that the alert as a whole returns nothing, and no alert fires."""
    selectors = [found for found in SELECTOR.findall(alert["expr"]) if not found.startswith("ALERTS{")]

    assert selectors
    for selector in selectors:
        until(partial(prometheus.query, selector), selector)


@needs_prometheus
@pytest.mark.skipif(not TRACES, reason="the extra 'traces' is not installed")
def test_prometheus_keeps_the_trace_ids_of_predictions(prometheus: Prometheus) -> None:
    def exemplars() -> list[dict[str, Any]]:
        now = time.time()
        period = {"start": now - 3600, "end": now}
        return list(prometheus.get("query_exemplars", query="http_request_duration_seconds_bucket", **period))

    found = until(exemplars, "exemplars")

    assert {each["seriesLabels"]["method"] for each in found} == {"POST"}
    for each in found[0]["exemplars"]:
        assert re.fullmatch("[0-9a-f]{32}", each["labels"]["trace_id"])
        assert float(each["value"]) <= float(found[0]["seriesLabels"]["le"])


@needs_prometheus
def test_no_rule_fails(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    until(lambda: all(rule["health"] != "unknown" for rule in rules()), "all rules were evaluated")

    assert {rule["health"] for rule in rules()} == {"ok"}


def test_the_dashboard_needs_no_plugin_and_no_fixed_data_source() -> None:
    assert {panel["type"] for panel in DASHBOARD["panels"]} <= BUILT_IN
    sources = set(re.findall(r'"uid": "([^"]*)"', json.dumps(DASHBOARD["panels"])))
    assert sources == {"${datasource}"}


def test_every_state_has_the_colour_of_what_it_answers() -> None:
    panel = next(panel for panel in PANELS if panel["title"] == "State of each pod")
    overrides = panel["fieldConfig"]["overrides"]

    for state, row in TRUTH_TABLE.items():
        found = [each for each in overrides if re.search(each["matcher"]["options"].strip("/"), f"pod: {state}")]
        colours = [each["properties"][0]["value"]["fixedColor"] for each in found]
        assert colours == ([] if state is State.READY else ["red"] if row.health == 503 else ["yellow"]), state


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        position = panel["gridPos"]
        cells = {
            (position["x"] + column, position["y"] + row)
            for column in range(position["w"])
            for row in range(position["h"])
        }
        assert not cells & taken, panel["title"]
        assert position["x"] + position["w"] <= 24
        taken |= cells

    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
