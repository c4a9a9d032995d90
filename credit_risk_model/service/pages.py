"""The answers that never change once the models are loaded: contract, metadata of the models, and files."""

import asyncio
import gzip
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.types import Scope, Send

from credit_risk_model.service.models import LoadedModel
from credit_risk_model.service.responses import Header, respond

_UNCHANGING = ("/openapi.json", "/api/models")
_REFUSED = re.compile(r"q *= *0(\.0*)?")  # the weight of what a client does not accept


class FrameworkError(Exception):
    """The framework answered 500; the message is its body, which no client sees."""


@dataclass(frozen=True)
class Page:
    """A whole answer."""

    status: int
    body: bytes
    kind: bytes
    """The content type."""
    headers: tuple[Header, ...] = ()
    zipped: bool = False
    """Whether the body is compressed with gzip; a client that does not accept that gets it decompressed."""
    quiet: bool = False
    """Whether the access log and the metrics leave the request out."""

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer with this page.

        Raises:
            FrameworkError: the framework could not make the page.
        """
        if self.status == 500:
            raise FrameworkError(self.body.decode())
        body, headers = self.body, self.headers
        if self.zipped:
            headers = (*headers, (b"vary", b"accept-encoding"))
            if _accepts_gzip(scope):
                headers = (*headers, (b"content-encoding", b"gzip"))
            else:
                body = await asyncio.to_thread(gzip.decompress, body)
        if self.quiet:
            scope["state"]["quiet"] = True
        await respond(send, self.status, body, headers, self.kind)


def _accepts_gzip(scope: Scope) -> bool:
    value = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding").decode("latin-1")
    choices = (choice.partition(";") for choice in value.lower().split(","))
    return any(name.strip() == "gzip" and not _REFUSED.fullmatch(weight.strip()) for name, _, weight in choices)


async def make_pages(framework: FastAPI, models: Iterable[LoadedModel], root_path: str) -> Mapping[str, Page]:
    """Ask the framework once for each page, and return the pages by their paths.

    The framework builds each of them for every request, which would delay the probes.
    """
    pages = {path: await _ask(framework, path, root_path) for path in _UNCHANGING}
    for loaded in models:
        path = f"/api/models/{loaded.model.qualified_name}/metadata"
        page = await _ask(framework, path, root_path)
        if loaded.digest and page.status == 200:
            content = json.loads(page.body) | {"artifact_digest": loaded.digest}
            page = Page(200, json.dumps(content, separators=(",", ":")).encode(), page.kind)
        pages[path] = page
    return pages


async def _ask(framework: FastAPI, path: str, root_path: str) -> Page:
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": root_path + path,
        "raw_path": (root_path + path).encode(),
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    await framework(scope, receive, send)
    start, *parts = messages
    kind = dict(start["headers"])[b"content-type"]
    return Page(start["status"], b"".join(part.get("body", b"") for part in parts), kind)
