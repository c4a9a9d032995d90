"""The layer that sees every request: it is measured, logged, and answered, whatever happens further in."""

import asyncio
import logging
import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from credit_risk_model.service import body
from credit_risk_model.service.answers import RETRY_AFTER, Refusal, internal_error
from credit_risk_model.service.lifecycle import Lifecycle, State
from credit_risk_model.service.metrics import Metrics
from credit_risk_model.service.predictions import Predictions

logger = logging.getLogger(__name__)
HANDLERS = {"/", "/api/models", "/docs", "/openapi.json"}  # the rest has one name, lest every typing error gets one
QUIET = {"/api/health", "/api/health/ready", "/api/health/startup", "/metrics"}
STOPPING = Refusal(503, "Stopping", ["The service had no time left for this; try again."], [RETRY_AFTER])


class Observation:
    """Turns what is raised into an answer, and closes connections one by one while the service drains."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, predictions: Mapping[str, Predictions], lifecycle: Lifecycle
    ) -> None:
        """Observe `app`; `predictions` has those of a model at their path."""
        self._app = app
        self._metrics = metrics
        self._predictions = predictions
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, seconds, status = time.perf_counter(), 0.0, 0

        async def observed(message: Message) -> None:
            nonlocal seconds, status
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - start
                status = message["status"]
                if self._lifecycle.state is State.DRAINING:
                    message["headers"] = [*message["headers"], body.CLOSE]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Refusal as refusal:
            too_long = refusal.status == 413
            await refusal.send(observed, more_body=too_long)
            if too_long:
                await body.discard(receive)
                await observed({"type": "http.response.body"})
        except asyncio.CancelledError:
            if not status:
                await STOPPING.send(observed)
        except BaseException:  # a model may call sys.exit
            logger.exception("%s %s failed.", scope["method"], scope["path"])
            if not status:
                await internal_error().send(observed)
        finally:
            if scope["path"] not in QUIET:
                self._note(scope, status, seconds or time.perf_counter() - start)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path, method = scope["path"], scope["method"]
        predictions = self._predictions.get(path)
        model = predictions.model_name if predictions else None
        handler = path if model or path in HANDLERS else "other"
        self._metrics.observe(method, handler, status, seconds, model)
        milliseconds = round(seconds * 1e3, 2)
        shown = scope["raw_path"].decode("latin-1")
        detail = {"method": method, "path": shown, "status": status, "milliseconds": milliseconds}
        logger.info("%s %s %d %.2f ms", method, shown, status, milliseconds, extra=detail)
