"""The access log: the line of each request, and its measurements."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from asgi_correlation_id import correlation_id
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from credit_risk_model.service.errors import CLIENT_LEFT
from credit_risk_model.service.metrics import Metrics

logger = logging.getLogger(__name__)


class AccessLog:
    """Logs and counts every request, except those that `Routes` or `Page` marks as quiet."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, seconds, status = time.perf_counter(), 0.0, 0
        state = scope.setdefault("state", {})  # not every server gives one
        state["request_id"] = correlation_id.get()  # for an answer that the server itself gives

        async def note_start(message: Message) -> None:
            nonlocal seconds, status
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - start
                status = state["status"] = _received_status(state, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        finally:
            if not state.get("quiet"):
                status = status or _received_status(state, CLIENT_LEFT)
                self._log_and_count(scope, status, seconds or time.perf_counter() - start)

    def _log_and_count(self, scope: Scope, status: int, seconds: float) -> None:
        method, path, state = scope["method"], scope["raw_path"].decode("latin-1"), scope["state"]
        model = state.get("model")
        self._metrics.observe(
            method, state.get("handler", "other"), status, seconds, state.get("trace_id") if model else None
        )
        if model:
            self._metrics.observe_prediction(model, status, state.get("error"))
        milliseconds = round(seconds * 1e3, 2)
        client = (scope.get("client") or "-")[0].removeprefix("::ffff:")  # as IPv6 shows an IPv4 address
        detail = {"client": client, "method": method, "path": path, "status": status, "milliseconds": milliseconds}
        logger.info("%s %s %d %.2f ms", method, path, status, milliseconds, extra=detail)


def _received_status(state: Mapping[str, Any], status: int) -> int:
    """Return the status that the client got: the server may have refused the request, or the client may have left."""
    if refused := state.get("refused"):
        return int(refused)
    client_left = state.get("client_left")
    return CLIENT_LEFT if client_left is not None and client_left() else status
