"""The page and the documentation in a real browser, which reaches nothing but this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from credit_risk_model.service.state import TRUTH_TABLE, State
from tests.conftest import CONFIGURATION, until
from tests.service import browser as browsers
from tests.service import process
from tests.service.browser import Browser
from tests.service.page_models import SCRIPT
from tests.service.process import Service
from tests.service.test_page import CARD, HOSTILE
from tests.service.test_truth_table import STATES

pytestmark = pytest.mark.skipif(not (browsers.CHROMIUM and browsers.DRIVER), reason=browsers.MISSING)
EXPLANATION = "Credit Risk Explanation Model"
TAB, ENTER = "\ue004", "\ue007"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsers.browsing(tmp_path_factory.mktemp("browser")) as window:
        yield window


@pytest.fixture
def browser(window: Browser) -> Browser:
    """A window in which nothing has gone wrong yet."""
    window.open("about:blank")
    window.emulate("light", 1280, 800)
    window.errors()
    window.requested()
    return window


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service as it is shipped."""
    with process.running(tmp_path_factory.mktemp("shipped"), CONFIGURATION) as service:
        until(lambda: service.statuses() == (200, 200, 200), "ready")
        yield service


def open_form(browser: Browser, service: Service, model: str = EXPLANATION) -> None:
    browser.open(service.client.base_url)
    until(lambda: browser.count("form"), "the form")
    script = """
        const choice = document.getElementById("model");
        choice.value = [...choice.options].find((option) => option.text === arguments[0]).value;
        choice.dispatchEvent(new Event("change"));
    """
    browser.run(script, model)


def state_of(browser: Browser) -> str:
    return browser.text("#state-name").lower()


def unexpected(errors: list[str]) -> list[str]:
    """Return the errors other than that an answer was not 200, or did not come: the page asks on purpose."""
    return [error for error in errors if "Failed to load resource" not in error]


def test_the_page_shows_the_service_without_an_error_and_asks_nobody_else(browser: Browser, service: Service) -> None:
    browser.open(service.client.base_url)
    until(lambda: state_of(browser) == "ready" and browser.count("form") and browser.count("#models small a"), "shown")

    assert browser.text("#truth [aria-current]").split() == ["ready", "200", "200", "200", "200"]
    assert browser.count("#models tbody tr") == 6
    assert "Model card" in browser.text("#models tbody tr")
    assert browser.errors() == []
    asked = [httpx.URL(url) for url in browser.requested()]
    assert {url.path for url in asked} >= {"/", "/api/health/ready", "/metrics", "/openapi.json"}
    assert {url.netloc for url in asked if url.scheme == "http"} == {service.client.base_url.netloc}


def test_the_form_predicts_and_shows_the_reasons(browser: Browser, service: Service) -> None:
    answered = 'model_predictions_total{model="credit_risk_explanation_model",outcome="answered"}'
    before = service.metric(answered)
    open_form(browser, service)
    browser.click("form button")
    until(lambda: browser.count(".result"), "an answer")

    assert browser.text(".values dd") == "safe"
    assert browser.count(".bars li") == 4
    assert "Last payment amount" in browser.text(".bars")
    widths = browser.run("return [...document.querySelectorAll('.bar')].map((bar) => bar.offsetWidth)")
    assert widths == sorted(widths, reverse=True)
    assert min(widths) > 0
    assert service.metric(answered) == before + 1
    until(lambda: "1 answered" in browser.text("#speed"), "counted")
    assert browser.errors() == []


def test_the_form_takes_its_labels_ranges_and_examples_from_the_contract(browser: Browser, service: Service) -> None:
    open_form(browser, service)

    hint = browser.text("[id='field-loan_amount-hint']")
    assert "Amount of the loan in US dollars." in hint
    assert "500 to 35,000" in hint
    assert browser.text("label[for='field-loan_amount']") == "Loan amount"
    assert browser.run("return document.getElementById('field-loan_amount').value") == "12000"
    terms = browser.run("return [...document.getElementById('field-term').options].map((option) => option.text)")
    assert terms == ["36 months", "60 months"]


def test_a_wrong_field_has_its_message_and_the_focus(browser: Browser, service: Service) -> None:
    open_form(browser, service)
    browser.type("[name=interest_rate]", "much")
    browser.type("[name=loan_amount]", "12")
    browser.click("form button")
    until(lambda: browser.count(".wrong"), "the messages")

    assert browser.count(".wrong") == 2
    assert browser.text("[id='field-interest_rate-wrong']") == "Input should be a valid number"
    assert browser.text("[id='field-loan_amount-wrong']") == "Input should be greater than or equal to 500"
    assert browser.run("return document.activeElement.name") == "interest_rate"
    assert browser.run("return document.activeElement.getAttribute('aria-invalid')") == "true"
    assert unexpected(browser.errors()) == []

    browser.type("[name=interest_rate]", "13.35")
    browser.type("[name=loan_amount]", "12000")
    browser.press(ENTER)
    until(lambda: browser.count(".values") and not browser.count(".wrong, [aria-invalid]"), "answered")


@pytest.mark.parametrize("typed", ["0x10", "12,000", "12345678901234567890"])
def test_a_number_that_cannot_be_sent_as_it_was_typed_is_refused(
    browser: Browser, service: Service, typed: str
) -> None:
    open_form(browser, service)
    browser.type("[name=loan_amount]", typed)
    browser.click("form button")
    until(lambda: browser.text("[id='field-loan_amount-wrong']") == "Input should be a valid integer", "the message")


def test_many_loans_are_typed_as_json_and_wrong_ones_are_named(browser: Browser, service: Service) -> None:
    open_form(browser, service, "Credit Risk Batch Model")
    browser.click("form button")
    until(lambda: browser.count(".result table"), "an answer")
    assert browser.text(".result tbody").split()[:2] == ["0", "safe"]

    browser.type("[name=loans]", '[{"term": 1}]')
    browser.click("form button")
    until(lambda: browser.count(".wrong"), "the messages")
    assert "loans[0].term: Input should be" in browser.text("[id='field-loans-wrong']")

    browser.type("[name=loans]", "[")
    browser.click("form button")
    until(lambda: browser.text("[id='field-loans-wrong']") == "Input should be a valid list", "the message")


@pytest.mark.parametrize("state", TRUTH_TABLE)
def test_the_page_shows_each_state(browser: Browser, state: State, tmp_path: Path) -> None:
    row = TRUTH_TABLE[state]
    with STATES[state](tmp_path) as service:
        browser.open(service.client.base_url)
        until(lambda: state_of(browser) == state, state)

        codes = browser.run("return [...document.querySelectorAll('.answer')].map((tile) => tile.innerText)")
        assert [int(code) for code in codes] == [row.health, row.ready, row.startup]
        assert browser.count("#truth [aria-current]") == 1
        assert browser.text("#truth [aria-current] th") == state
        assert browser.text("#state-note") == row.note.replace("`", "")
        assert unexpected(browser.errors()) == []


def test_the_page_follows_a_drain_the_end_and_a_new_start(browser: Browser, tmp_path: Path) -> None:
    port = process.free_port()
    path = process.write_configuration(tmp_path, service={"drain_seconds": 60})
    with process.running(tmp_path, path, arguments=["--port", str(port)]) as service:
        browser.open(service.client.base_url)
        until(lambda: state_of(browser) == "ready", "ready")
        browser.run("window.opened = true")
        service.drain()
        until(lambda: state_of(browser) == "draining", "draining")
        assert browser.text("#probes > :nth-child(2) .answer") == "503"
    until(lambda: state_of(browser) == "gone", "gone")
    with process.running(tmp_path, path, arguments=["--port", str(port)]):
        until(lambda: state_of(browser) == "ready", "ready again")

    changes = browser.run("return [...document.querySelectorAll('#changes li')].map((each) => each.innerText)")
    seen = [change.split(maxsplit=1)[1] for change in reversed(changes)]
    assert [each for each in seen if each != "loading"] == ["ready", "draining", "gone", "ready"]
    assert browser.run("return window.opened"), "it was loaded again"
    assert unexpected(browser.errors()) == []


@pytest.mark.parametrize("path", ["/", CARD, "/docs"])
def test_no_text_of_a_model_becomes_html_or_a_script(browser: Browser, tmp_path: Path, path: str) -> None:
    with process.ready(tmp_path, HOSTILE, service_title=SCRIPT, description=SCRIPT) as service:
        browser.open(service.client.base_url.join(path))
        until(lambda: browser.count({"/": "form", CARD: "h1", "/docs": ".opblock"}[path]), "shown")

        assert browser.run("return window.broken === undefined")
        assert browser.count("script:not([src]), [onerror]") == 0
        if path != "/docs":  # Swagger UI takes descriptions for Markdown and shows the harmless part of HTML
            assert browser.count("img[src=x]") == 0
            assert browser.errors() == []


def test_the_form_works_for_another_model(browser: Browser, tmp_path: Path) -> None:
    with process.ready(tmp_path, HOSTILE) as service:
        open_form(browser, service, f"Hostile {SCRIPT}")
        names = browser.run("return [...document.querySelectorAll('form [name]')].map((field) => field.name)")
        assert names == ["name", "colour", "size.width", "size.height", "count", "is_new", "tags"]
        assert "(optional)" in browser.text("label[for='field-count']")

        browser.click("form button")
        until(lambda: browser.count(".result"), "an answer")
        assert browser.text(".values dd") == SCRIPT
        assert browser.count(".bars .up") == browser.count(".bars .down") == 1
        assert browser.count(".result tbody tr") == 2
        assert browser.errors() == []

        browser.type("[name='size.height']", "10")
        browser.type("[name=name]", "wrong")
        browser.click("form button")
        until(lambda: browser.count(".wrong") == 2, "the messages")
        assert browser.text("[id='field-size.height-wrong']") == "Input should be less than or equal to 9"
        assert SCRIPT in browser.text("[id='field-name-wrong']")
        assert browser.count("img[src=x]") == 0
        assert browser.run("return window.broken === undefined")


def test_the_documentation_works_without_internet(browser: Browser, service: Service) -> None:
    browser.open(service.client.base_url.join("/docs"))
    until(lambda: browser.count(".opblock"), "the operations")
    browser.click(".opblock-post button.opblock-summary-control")
    until(lambda: browser.count(".opblock-body .try-out__btn"), "an operation")
    browser.click(".try-out__btn")
    until(lambda: browser.count(".execute"), "the form")
    browser.click(".execute")
    until(lambda: "credit_risk" in browser.text(".live-responses-table .response"), "the answer")

    assert browser.errors() == []
    asked = [httpx.URL(url) for url in browser.requested()]
    assert {url.netloc for url in asked if url.scheme == "http"} == {service.client.base_url.netloc}


@pytest.mark.parametrize("path", ["/risk/v1", "/risk/v1/", "/"])
def test_the_page_works_below_a_root_path(browser: Browser, tmp_path: Path, path: str) -> None:
    with process.ready(tmp_path, HOSTILE, service={"root_path": "/risk/v1"}) as service:
        browser.open(service.client.base_url.join(path))
        until(lambda: state_of(browser) == "ready" and browser.count("form"), "ready")
        browser.click("form button")
        until(lambda: browser.count(".result"), "an answer")

        asked = [httpx.URL(url) for url in browser.requested()]
        assert all(url.path.startswith("/risk/v1") or url.path == path for url in asked if url.scheme == "http")
        assert browser.errors() == []


def test_without_metrics_the_page_shows_what_the_probes_tell(browser: Browser, tmp_path: Path) -> None:
    with process.ready(tmp_path, metrics={"enabled": False}) as service:
        browser.open(service.client.base_url)
        until(lambda: browser.count("form") and "Echo" in browser.text("#models tbody"), "shown")

        assert state_of(browser) == "ready or saturated or terminating"
        assert browser.count("#truth [aria-current]") == 3
        assert "turned off" in browser.text("#no-metrics")
        assert "Metrics" not in browser.text("nav")
        assert unexpected(browser.errors()) == []
        asked = "return performance.getEntriesByType('resource').filter((each) => each.name.endsWith('/ready')).length"
        until(lambda: browser.run(asked) >= 4, "four rounds")
        assert service.log.count("GET /metrics 404") == 1, "it is asked for again and again"


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(browser: Browser, service: Service, width: int) -> None:
    browser.emulate("light", width, 800)
    open_form(browser, service)
    browser.click("form button")
    until(lambda: browser.count(".result") and browser.count("#models small a"), "shown")

    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_the_page_has_a_light_and_a_dark_scheme_with_contrast(browser: Browser, service: Service) -> None:
    """At least 4.5 to 1 for each text, as WCAG 2.2 asks for (1.4.3)."""
    open_form(browser, service)
    browser.click("form button")
    until(lambda: browser.count(".result"), "an answer")
    script = (Path(__file__).parent / "contrast.js").read_text()

    grounds = []
    for scheme in ("light", "dark"):
        browser.emulate(scheme, 1280, 800)
        grounds.append(browser.run("return getComputedStyle(document.body).backgroundColor"))
        for state in ("gone", *TRUTH_TABLE):
            browser.run("document.getElementById('state').dataset.state = arguments[0]", state)
            assert browser.run(script) == []
    assert grounds[0] != grounds[1]


def test_the_page_is_used_by_keyboard_and_every_field_has_its_label(browser: Browser, service: Service) -> None:
    open_form(browser, service)
    browser.run("document.activeElement.blur()")
    browser.press(TAB)
    assert browser.run("return document.activeElement.innerText") == "Skip to the content"
    unlabelled = (
        "return [...document.querySelectorAll('input, select, textarea')].filter((each) => !each.labels.length)"
    )
    assert browser.run(f"{unlabelled}.length") == 0

    browser.run("document.getElementById('field-annual_income').focus()")
    browser.press(ENTER)
    until(lambda: browser.count(".result"), "an answer")
    assert browser.text("[role=status]") == "The service is ready."


def quantiles(browser: Browser, service: Service, *readings: str) -> Any:
    browser.open(service.client.base_url)
    script = """
        return import("/static/page/metrics.js").then(({ Reading, between }) => {
          const [before, after] = [...arguments].map((text) => new Reading(text).buckets((path) => path === "/p"));
          return between(before, after);
        });
    """
    return browser.run(script, *readings)


def histogram(**counts: int) -> str:
    bounds = {"low": "0.001", "middle": "0.01", "high": "+Inf"}
    line = 'http_request_duration_seconds_bucket{{handler="{}",le="{}",method="POST",status="{}"}} {}'
    others = [line.format("/other", "+Inf", 200, 1_000), line.format("/p", "+Inf", 400, 1_000)]
    return "\n".join([*others, *(line.format("/p", bounds[name], 200, count) for name, count in counts.items())])


def test_times_are_read_from_the_difference_of_two_histograms(browser: Browser, service: Service) -> None:
    found = quantiles(browser, service, histogram(low=5, middle=5, high=5), histogram(low=5, middle=15, high=15))

    assert found["total"] == 10
    assert found["p50"] == pytest.approx(0.001 + 0.009 * 0.5)
    assert found["p99"] == pytest.approx(0.001 + 0.009 * 0.99)


def test_times_beyond_the_last_bound_are_that_bound(browser: Browser, service: Service) -> None:
    found = quantiles(browser, service, "", histogram(low=0, middle=1, high=10))

    assert (found["total"], found["p50"], found["p99"]) == (10, 0.01, 0.01)


def test_no_predictions_have_no_times(browser: Browser, service: Service) -> None:
    assert quantiles(browser, service, histogram(low=5, high=5), histogram(low=5, high=5)) == {"total": 0}
