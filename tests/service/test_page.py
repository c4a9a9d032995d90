"""The page at `/`, the documentation and the model cards, as files that the service answers with."""

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from credit_risk_model.service import configuration, website
from credit_risk_model.service.probes import PROBES
from credit_risk_model.service.state import TRUTH_TABLE, State
from tests.service import process
from tests.service.page_models import SCRIPT
from tests.service.process import Service
from tests.service.test_truth_table import STATES

HOSTILE = {"class_path": "tests.service.page_models.Hostile"}
CARD = "/api/models/hostile/card"
SWAGGER = next(website.STATIC.glob("swagger-ui-*"))
SCRIPTED = re.compile(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|<style|javascript:", re.IGNORECASE)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("page")
    with process.ready(folder, HOSTILE, service_title=SCRIPT, description=SCRIPT) as service:
        yield service


@pytest.fixture(scope="module")
def without_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with process.ready(tmp_path_factory.mktemp("without"), HOSTILE, service={"page": False}) as service:
        yield service


def linked(html: str) -> list[str]:
    return re.findall(r'(?:href|src)="(/[^"]*)"', html)


@pytest.mark.parametrize("state", TRUTH_TABLE)
def test_the_page_and_its_files_are_served_in_every_state(state: State, tmp_path: Path) -> None:
    with STATES[state](tmp_path) as service:
        html = service.client.get("/")

        assert (html.status_code, html.headers["content-type"]) == (200, "text/html; charset=utf-8")
        files = [path for path in linked(html.text) if path.startswith("/static/")]
        assert len(files) == 4
        for path in [*files, "/static/page/states.json"]:
            assert service.client.get(path).status_code == 200


def test_the_page_gets_the_truth_table_as_data(service: Service) -> None:
    table = service.client.get("/static/page/states.json").json()

    assert [probe["path"] for probe in table["probes"]] == list(PROBES)
    assert [row["state"] for row in table["states"]] == list(TRUTH_TABLE)
    for row in table["states"]:
        expected = TRUTH_TABLE[State(row["state"])]
        assert [row[probe["column"]] for probe in table["probes"]] == [
            expected.health,
            expected.ready,
            expected.startup,
        ]
        assert (row["prediction"], row["note"]) == (expected.prediction, expected.note)


def test_the_page_has_less_than_64_kib(service: Service) -> None:
    files = [path for path in website.STATIC.rglob("*") if path.is_file() and path.parent != SWAGGER]
    table = service.client.get("/static/page/states.json").content

    assert len(list(files)) > 10
    assert sum(path.stat().st_size for path in [*files, website.TEMPLATES / "page.html"]) + len(table) < 65_536


@pytest.mark.parametrize("path", ["/", "/docs", CARD])
def test_every_link_of_a_page_is_answered(service: Service, path: str) -> None:
    html = service.client.get(path).text

    assert linked(html)
    for link in linked(html):
        assert service.client.get(link).status_code == 200, link


@pytest.mark.parametrize("path", ["/", "/docs", CARD, "/static/docs.js", "/static/style.css"])
def test_the_policy_allows_files_of_the_service_alone(service: Service, path: str) -> None:
    answer = service.client.get(path)

    policy = dict(rule.strip().split(" ", 1) for rule in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[rule] for rule in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/docs", CARD])
def test_no_text_of_a_model_or_the_configuration_becomes_html(service: Service, path: str) -> None:
    html = service.client.get(path).text

    assert "&lt;script&gt;window.broken" in html
    assert "<img" not in html
    assert not SCRIPTED.search(re.sub(r"&lt;.*?&gt;|\[link\].*", "", html))


def test_a_model_card_is_a_page(service: Service) -> None:
    html = service.client.get(CARD).text

    assert "<h1>Card &lt;img" in html
    assert '<a href="https://example.org/a?b=1&amp;c=&quot;d&quot;" rel="noreferrer">good</a>' in html
    assert '<td class="number"><strong>1</strong></td>' in html


def test_a_model_without_a_card_has_no_page_for_it(tmp_path: Path) -> None:
    with process.ready(tmp_path) as service:
        assert service.client.get("/api/models/echo/card").status_code == 404
        assert "/api/models/echo/card" not in service.client.get("/openapi.json").json()["paths"]


def test_without_the_page_the_root_leads_to_the_documentation(without_page: Service) -> None:
    answer = without_page.client.get("/")

    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
    assert without_page.client.get("/static/page/page.js").status_code == 404
    assert without_page.client.get("/static/page/states.json").status_code == 404


@pytest.mark.parametrize("path", ["/docs", CARD])
def test_the_other_pages_are_whole_without_the_page(without_page: Service, path: str) -> None:
    for link in linked(without_page.client.get(path).text):
        assert without_page.client.get(link).status_code in (200, 307), link


def test_without_the_page_nothing_but_probes_and_metrics_is_served_while_the_models_load(tmp_path: Path) -> None:
    model = {"configuration": {"loads_with": str(tmp_path / "gate")}}
    with process.starting(tmp_path, model, service={"page": False}) as service:
        assert service.client.get("/").status_code == 503


def test_the_environment_turns_the_page_off(tmp_path: Path) -> None:
    path = process.write_configuration(tmp_path)

    assert configuration.read(path, {}).service.page
    assert not configuration.read(path, {"REST_PAGE": "false"}).service.page


def test_redoc_leads_to_the_documentation(service: Service) -> None:
    answer = service.client.get("/redoc")

    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


@pytest.mark.parametrize("path", sorted(SWAGGER.glob("*.gz")), ids=lambda path: path.name)
def test_swagger_ui_is_that_of_its_package(path: Path) -> None:
    digest = hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()

    assert f"| `{path.name.removesuffix('.gz')}` | `{digest}` |" in (SWAGGER / "README.md").read_text()
    assert f"swagger-ui-dist@{SWAGGER.name.rpartition('-')[2]}" in (SWAGGER / "README.md").read_text()


def test_swagger_ui_is_served_compressed(service: Service) -> None:
    answer = service.client.get(f"/static/{SWAGGER.name}/swagger-ui.css")

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == gzip.decompress((SWAGGER / "swagger-ui.css.gz").read_bytes())


def test_only_the_files_whose_path_has_a_version_are_kept(service: Service) -> None:
    kept = service.client.get(f"/static/{SWAGGER.name}/swagger-ui.css").headers["cache-control"]
    renewed = {service.client.get(path).headers["cache-control"] for path in ("/", "/static/page/page.js", "/docs")}

    assert "immutable" in kept
    assert renewed == {"no-cache"}


def test_a_page_has_a_line_in_the_log_and_its_files_have_none(tmp_path: Path) -> None:
    with process.ready(tmp_path, service={"log_format": "json"}) as service:
        for path in ("/static/page/page.js", "/static/page/states.json", "/"):
            service.client.get(path)

        paths = [json.loads(line).get("path") for line in service.log.splitlines()]
        assert [path for path in paths if path and not path.startswith("/until-")] == ["/"]
        assert "/static" not in service.client.get("/metrics").text


@pytest.mark.parametrize("path", ["/static/", "/static/../website.py", "/static/page/page.html", "/static/page"])
def test_nothing_else_of_the_package_is_served(service: Service, path: str) -> None:
    with httpx.Client(base_url=service.client.base_url) as client:
        assert client.get(path).status_code == 404
