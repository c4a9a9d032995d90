"""The application: how it is composed, and in which order a request passes its parts."""

import asyncio
import json
import logging
import re
from typing import Any

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from ml_base import MLModel
from ml_base.utilities import ModelManager
from prometheus_client import CONTENT_TYPE_LATEST
from rest_model_service.helpers import create_app
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from credit_risk_model.service.answers import Refusal, internal_error
from credit_risk_model.service.configuration import Configuration
from credit_risk_model.service.contract import describing
from credit_risk_model.service.lifecycle import Lifecycle
from credit_risk_model.service.loading import watched
from credit_risk_model.service.metrics import Metrics
from credit_risk_model.service.observation import Observation
from credit_risk_model.service.predictions import Predictions

logger = logging.getLogger(__name__)
_IN_ONE_PASS = 8  # predictions taken up in one pass of the event loop, so that a probe need not wait for all of them
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch  # what is safe in a log and a header
_OF_MODEL = re.compile(r"/api/models/([^/]+)/(prediction|metadata)").fullmatch


class Application:
    """The composed application, as ASGI; loading starts when it is made.

    A request passes, in this order: the id of the request, the observation (metrics, access log, errors), and
    the `_route`, which leads to the predictions of a model, to the metrics, or to the framework's application.
    """

    def __init__(self, configuration: Configuration, wait: bool = False) -> None:
        """Compose it, and `wait` for the models; without, they are loaded meanwhile."""
        self.lifecycle = Lifecycle()
        self._configuration = configuration
        self._metrics = Metrics()
        self._predictions: dict[str, Predictions] = {}
        self._turns = asyncio.Semaphore(_IN_ONE_PASS)
        self.framework = self._create_framework(wait)
        observed = Observation(self._route, self._metrics, self._predictions, self.lifecycle)
        self._entrance: ASGIApp = CorrelationIdMiddleware(observed, validator=lambda text: bool(_WELL_FORMED(text)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._entrance(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.framework(scope, receive, send)
            return
        path = scope["path"]
        if of_model := _OF_MODEL(path):
            self.lifecycle.refuse_without_models()
            if predictions := self._predictions.get(path):
                await predictions(scope, receive, send)
                return
            if of_model[2] == "prediction" or of_model[1] not in _names():
                raise Refusal(404, "NotFound", [f"There is no {of_model[2]} of a model '{of_model[1]}' here."])
        await self.framework(scope, receive, _without_inside(send))

    def _create_framework(self, wait: bool) -> FastAPI:
        models = watched(self._configuration.models, self._add)
        framework: FastAPI = create_app(self._configuration.model_copy(update={"models": models}), wait)
        framework.router.redirect_slashes = False  # its redirect has no body, and trusts the Host header
        framework.add_exception_handler(HTTPException, _error)
        if self._configuration.metrics is not None and self._configuration.metrics.enabled:
            framework.add_api_route("/metrics", self._expose, include_in_schema=False)
        framework.openapi = describing(framework, self.lifecycle)  # type: ignore[method-assign]  # as FastAPI advises
        return framework

    def _add(self, index: int, model: MLModel, seconds: float) -> None:
        name = model.qualified_name
        self._metrics.add_model(name, model.version, seconds)
        if self._configuration.models[index].create_endpoint:
            path = f"/api/models/{name}/prediction"
            predictions = self._predictions[path] = Predictions(model, self._configuration.limits(index), self._turns)
            self._metrics.add_endpoint(name, lambda: predictions.running, lambda: predictions.waiting)

    async def _expose(self) -> Response:
        return Response(self._metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _names() -> set[str]:
    return {model["qualified_name"] for model in ModelManager().get_models()}


async def _error(request: Request, error: Any) -> Response:
    """Give the framework's own errors, such as 404 and 405, the shape of ours."""
    kind = "".join(word for word in error.detail.split())
    message = f"{request.method} {request.url.path}: {error.detail}."
    refusal = Refusal(error.status_code, kind, [message])
    return Response(refusal.body, error.status_code, error.headers, "application/json")


def _without_inside(send: Send) -> Send:
    """Send on, but for an internal error: the framework tells it to the client, here it goes to the log."""
    hidden = False

    async def sending(message: Message) -> None:
        nonlocal hidden
        if message["type"] == "http.response.start" and message["status"] == 500:
            hidden = True
        elif not hidden:
            await send(message)
        else:  # the framework sends its errors in one piece
            logger.error("The framework answered 500: %s", json.dumps(message["body"].decode()))
            await internal_error().send(send)

    return sending
