"""Traces of the predictions by OpenTelemetry. Unless it is configured, no request enters this code."""

import asyncio
import logging
import os
import time

from fastapi import FastAPI
from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from credit_risk_model.service.metrics import outcome

_FLUSH_MILLISECONDS = 5_000


def is_configured() -> bool:
    """Return whether the process has a tracer provider, or FastAPI is told to make one from the environment."""
    automatic = os.environ.get("FASTAPI_OTEL_AUTO_CONFIGURE", "").lower() == "true"
    return automatic or not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


class Traced(FastAPI):
    """FastAPI's telemetry around an application whose requests FastAPI does not route.

    FastAPI reads the environment, continues the trace of the client, and makes the span of a request. This class adds
    what only the service knows: the route, the model, the outcome, and the seconds in the queue and in the model.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            openapi_url=None, telemetry={"exclude": lambda scope: not scope["path"].endswith("/prediction")}
        )
        self._app = app

    def build_middleware_stack(self) -> ASGIApp:
        return self._call

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                _describe(trace.get_current_span(), scope)
            elif message["type"] == "lifespan.shutdown.complete":
                await asyncio.to_thread(_flush)
            await send(message)

        context = trace.get_current_span().get_span_context()
        if context.trace_flags.sampled:  # for the exemplar of the metrics: other traces cannot be looked up
            scope.setdefault("state", {})["trace_id"] = trace.format_trace_id(context.trace_id)
        await self._app(scope, receive, note)


def _describe(span: trace.Span, scope: Scope) -> None:
    state = scope["state"]
    if not span.is_recording() or "handler" not in state:
        return
    attributes = {"http.route": state["handler"]}
    if model := state.get("model"):
        attributes["prediction.model"] = model
        attributes["prediction.outcome"] = outcome(state["status"], state.get("error"))
    if job := state.get("job"):
        now = time.monotonic()
        attributes["prediction.queue_seconds"] = (job.started or now) - job.admitted
        if job.started:
            attributes["prediction.predict_seconds"] = (job.ended or now) - job.started
    span.update_name(f"{scope['method']} {state['handler']}")
    span.set_attributes(attributes)


def _flush() -> None:
    """Export the last spans; the process ends without the functions that `atexit` calls."""
    provider = trace.get_tracer_provider()
    if hasattr(provider, "force_flush"):  # only the SDK has it
        provider.force_flush(_FLUSH_MILLISECONDS)


class TraceIds(logging.Filter):
    """Adds `trace_id` to each line of a request that has a trace."""

    def filter(self, record: logging.LogRecord) -> bool:
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            record.trace_id = trace.format_trace_id(context.trace_id)
        return True
