"""Runs Prometheus, with the rules of the monitoring component, on running services."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import until
from tests.deployment.manifests import MONITORING, one, read
from tests.service.process import free_port

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None or PROMTOOL is None, reason="Prometheus is not installed: apt-get install prometheus"
)
GROUPS: list[dict[str, Any]] = one("PrometheusRule", read(MONITORING / "rules.yaml"))["spec"]["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDED = [rule["record"] for rule in RULES if "record" in rule]
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
JOB = "credit-risk-model-service"


class Prometheus:
    """A running Prometheus."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the data of an answer of the API."""
        answer = self._client.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the labels and the value of each series now, without those that are not a number."""
        found = self.get("query", query=expression)["result"]
        return [each for each in found if each["value"][1] != "NaN"]


def expression(target: Mapping[str, Any], model: str) -> str:
    """Return the query of a target of a panel as Grafana sends it when one model of all jobs is chosen."""
    query: str = target["expr"]
    for variable, value in {"$__rate_interval": "1m", "$namespace": ".*", "$job": ".*", "$model": model}.items():
        query = query.replace(variable, value)
    return query


@contextmanager
def repeating(work: Callable[[], None], every: float) -> Iterator[None]:
    """Call `work` again and again in a thread, with pauses of `every` seconds, until the end."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(every):
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def scraping(folder: Path, ports: Mapping[str, int]) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes these ports, by the names of their pods.

    It evaluates all rules much more often than in a cluster. So the rules of drift count each loan several times, which
    does not change any share.
    """
    groups = [{"name": group["name"], "rules": group["rules"]} for group in GROUPS]
    targets = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"pod": pod, "component": "model-service"}}
        for pod, port in ports.items()
    ]
    configuration = {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "4s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": JOB, "static_configs": targets}],
    }
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    address = f"127.0.0.1:{free_port()}"
    command = [str(PROMETHEUS), f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
    command += ["--enable-feature=exemplar-storage"]
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=output, stderr=output)
    try:
        until(lambda: process.poll() is not None or _is_ready(address), "Prometheus is ready")
        assert process.poll() is None, log.read_text()
        with httpx.Client(base_url=f"http://{address}", timeout=30) as client:
            yield Prometheus(client)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/-/ready").status_code == 200
    except httpx.TransportError:
        return False
