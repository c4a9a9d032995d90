"""The composition of the application, in the order in which a request passes its layers."""

import re

from asgi_correlation_id import CorrelationIdMiddleware
from starlette.types import ASGIApp

from credit_risk_model.service import configuration as configurations
from credit_risk_model.service import tracing, website
from credit_risk_model.service.access_log import AccessLog
from credit_risk_model.service.configuration import Configuration
from credit_risk_model.service.draining import CloseWhileDraining
from credit_risk_model.service.errors import Errors
from credit_risk_model.service.loading import Lifespan
from credit_risk_model.service.metrics import Metrics
from credit_risk_model.service.prediction_log import PredictionLog
from credit_risk_model.service.routes import Routes
from credit_risk_model.service.state import Status

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")  # is safe in a log and in a header


def create_app(configuration: Configuration, status: Status | None = None, metrics: Metrics | None = None) -> ASGIApp:
    """Return the application, as ASGI; it loads the models when the server starts its lifespan.

    A request passes the layers from the last to the first. A server gives its own `status`, so that it can
    drain, and its own `metrics`, so that it can add to them.
    """
    status = status or Status()
    metrics = metrics or Metrics(status)
    settings = configuration.service
    log = PredictionLog(settings, metrics.registry) if settings.prediction_log else None
    routes = Routes(configuration, status, metrics, website.in_every_state(configuration))
    app: ASGIApp = Errors(routes)
    app = AccessLog(app, metrics)
    is_id = _REQUEST_ID.fullmatch
    app = CorrelationIdMiddleware(app, validator=lambda text: bool(is_id(text)), update_request_header=False)
    app = CloseWhileDraining(app, status)
    app = Lifespan(app, configuration, status, metrics, log, routes)
    return tracing.Traced(app) if tracing.is_configured() else app


def from_environment() -> ASGIApp:
    """Return the application of the file that REST_CONFIG names, for a server that takes a factory."""
    return create_app(configurations.from_environment())
