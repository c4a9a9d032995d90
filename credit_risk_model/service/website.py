"""The pages for people, made from the files of this package: the page at `/`, the documentation, the model cards."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template

from credit_risk_model.service import contract, markdown
from credit_risk_model.service.configuration import Configuration
from credit_risk_model.service.framework import LoadedModel
from credit_risk_model.service.probes import PROBES
from credit_risk_model.service.responses import Header, Page
from credit_risk_model.service.state import TRUTH_TABLE

_HERE = Path(__file__).parent
STATIC, TEMPLATES = _HERE / "static", _HERE / "templates"
_KINDS = {".css": b"text/css; charset=utf-8", ".js": b"text/javascript; charset=utf-8", ".svg": b"image/svg+xml"}
_HTML = b"text/html; charset=utf-8"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_RENEWED: Header = (b"cache-control", b"no-cache")
_KEPT: Header = (b"cache-control", b"public, max-age=31536000, immutable")  # the path has the version


def in_every_state(configuration: Configuration) -> dict[str, Page]:
    """Return what is served from the first moment on, by path: the files, and the page unless it is turned off."""
    pages = {
        f"/static/{path.relative_to(STATIC).as_posix().removesuffix('.gz')}": _file(path)
        for path in sorted(STATIC.rglob("*"))
        if path.suffix in {*_KINDS, ".gz"} and (configuration.service.page or path.parent.name != "page")
    }
    if configuration.service.page:
        pages["/"] = _filled("page.html", configuration, description=escape(configuration.description))
        pages["/static/page/states.json"] = Page(200, states(), b"application/json", (*_HEADERS, _RENEWED), quiet=True)
    return pages


def once_loaded(configuration: Configuration, models: Iterable[LoadedModel]) -> dict[str, Page]:
    """Return what is served once the models are loaded, by path: the documentation and the model cards."""
    documentation = Page(307, b"", b"text/plain", ((b"location", f"{configuration.service.root_path}/docs".encode()),))
    pages = {"/docs": _filled("docs.html", configuration), "/redoc": documentation}
    if not configuration.service.page:
        pages["/"] = documentation
    for loaded in models:
        if loaded.card:
            name, card = escape(loaded.model.display_name), markdown.to_html(loaded.card)
            pages[contract.card_path(loaded)] = _filled("card.html", configuration, name=name, card=card)
    return pages


def states() -> bytes:
    """Return the truth table as JSON: the probes with their meanings, and what each answers in each state."""
    probes = [
        {"path": path, "column": probe.column, "name": probe.name, "meaning": probe.meaning}
        for path, probe in PROBES.items()
    ]
    rows = [{"state": state, **asdict(row)} for state, row in TRUTH_TABLE.items()]
    return json.dumps({"probes": probes, "states": rows}).encode()


def _filled(template: str, configuration: Configuration, **words: str) -> Page:
    """Return the page of a template; `words` are HTML, and are not escaped."""
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    root, title = configuration.service.root_path, escape(configuration.service_title)
    body = Template(text).substitute(words, root=root, title=title).encode(errors="replace")
    return Page(200, body, _HTML, (*_HEADERS, _RENEWED))


def _file(path: Path) -> Page:
    if path.suffix != ".gz":
        return Page(200, path.read_bytes(), _KINDS[path.suffix], (*_HEADERS, _RENEWED), quiet=True)
    headers = (*_HEADERS, _KEPT, (b"content-encoding", b"gzip"))  # browsers need these files, and all of them accept it
    return Page(200, path.read_bytes(), _KINDS[path.with_suffix("").suffix], headers, quiet=True)
