"""The routes: probes, predictions, the pages of the framework, and the measurements."""

from collections.abc import Mapping

from prometheus_client.exposition import gzip_accepted
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from credit_risk_model.service.configuration import Configuration
from credit_risk_model.service.errors import Refusal
from credit_risk_model.service.metrics import OPEN_METRICS, TEXT, Metrics
from credit_risk_model.service.predictions import Predictions
from credit_risk_model.service.probes import ANSWERS, PROBES
from credit_risk_model.service.responses import RETRY_AFTER, Page, respond
from credit_risk_model.service.state import Status
from credit_risk_model.service.throttle import Throttle

_READ = ("GET", "HEAD")
_CALL = ("POST",)
_STARTS = 4  # requests that start in one pass of the event loop


class Routes:
    """Routes each request. `open` adds the models once they are loaded."""

    def __init__(
        self, configuration: Configuration, status: Status, metrics: Metrics, pages: Mapping[str, Page]
    ) -> None:
        """`pages` are served in every state of the service."""
        self._root_path = configuration.service.root_path
        self._shows_metrics = configuration.metrics is not None and configuration.metrics.enabled
        self._metrics_port = configuration.service.metrics_port
        self._status = status
        self._metrics = metrics
        self._predictions: Mapping[str, Predictions] = {}
        self._pages = pages
        self._starts = Throttle(_STARTS)

    def open(self, predictions: Mapping[str, Predictions], pages: Mapping[str, Page]) -> None:
        """Serve these predictions and pages, by their paths, from now on."""
        self._predictions, self._pages = predictions, {**self._pages, **pages}
        self._status.is_stalled = lambda: any(each.is_stalled for each in predictions.values())
        self._status.is_saturated = lambda: any(each.is_saturated for each in predictions.values())
        self._status.loaded = True

    def check(self) -> None:
        """Check for expired, abandoned and stalled predictions; called four times a second."""
        for predictions in self._predictions.values():
            predictions.check()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, state = self._without_root_path(scope["path"]), scope["state"]
        if self._metrics_port:
            _, port = scope.get("server") or ("", None)  # not every server tells it
            if (path == "/metrics") != (port == self._metrics_port):
                raise Refusal(404, "NotFound", [f"No route {path} on this port."])
        if path in PROBES:
            state["quiet"] = True
            if await _allowed(scope, send, _READ):
                code, body = ANSWERS[path, self._status.state]
                await respond(send, code, body)
            return
        await self._starts.wait()
        if path == "/metrics" and self._shows_metrics:
            state["quiet"] = True
            if await _allowed(scope, send, _READ):
                await self._send_metrics(Headers(scope=scope), send)
        elif predictions := self._predictions.get(path):
            state["handler"] = path
            if await _allowed(scope, send, _CALL):
                state["model"] = predictions.model_name
                await self._predict(predictions, scope, receive, send)
        elif page := self._pages.get(path):
            state["handler"] = path
            if await _allowed(scope, send, _READ):
                await page.send(scope, send)
        elif self._status.load_failed:
            raise Refusal(503, "LoadFailed", ["The models could not be loaded; the log has the cause."])
        elif not self._status.loaded:
            raise Refusal(503, "NotReady", ["The models are loading; retry."], [RETRY_AFTER])
        elif path == "*" and scope["method"] == "OPTIONS":  # of the whole server
            await _allowed(scope, send, _READ + _CALL)
        else:
            raise Refusal(404, "NotFound", [f"No route {path}."])

    def _without_root_path(self, path: str) -> str:
        """Return the path as if the proxy had removed its own; some proxies do, and probes pass none."""
        if self._root_path and f"{path}/".startswith(f"{self._root_path}/"):
            return path.removeprefix(self._root_path) or "/"
        return path

    async def _send_metrics(self, request: Headers, send: Send) -> None:
        format_ = OPEN_METRICS if "application/openmetrics-text" in request.get("accept", "") else TEXT
        compress = gzip_accepted(request.get("accept-encoding", ""))
        headers = [(b"vary", b"accept, accept-encoding"), *([(b"content-encoding", b"gzip")] if compress else [])]
        body = await self._metrics.exposition(format_, compress)
        await respond(send, 200, body, headers, format_.encode())

    async def _predict(self, predictions: Predictions, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await predictions(scope, receive, send)
        except Refusal as refusal:
            if refusal.status == 503:
                await self._starts.wait()  # clients that retry at once must not crowd out the others
            raise


async def _allowed(scope: Scope, send: Send, methods: tuple[str, ...]) -> bool:
    """Return whether the request has one of these methods; answer OPTIONS, and refuse others with 405."""
    method = scope["method"]
    if method in methods:
        return True
    allow = (b"allow", ", ".join([*methods, "OPTIONS"]).encode())
    if method != "OPTIONS":
        raise Refusal(405, "MethodNotAllowed", [f"{method} is not allowed; use {' or '.join(methods)}."], [allow])
    await send({"type": "http.response.start", "status": 204, "headers": [allow]})
    await send({"type": "http.response.body"})
    return False
