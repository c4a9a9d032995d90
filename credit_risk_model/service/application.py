"""The composition of the application, in the order in which a request passes its layers."""

import re
from functools import partial

from asgi_correlation_id import CorrelationIdMiddleware
from starlette.types import ASGIApp

from credit_risk_model.service import configuration as configurations
from credit_risk_model.service import tracing, website
from credit_risk_model.service.access_log import AccessLog
from credit_risk_model.service.configuration import Configuration
from credit_risk_model.service.draining import CloseWhileDraining
from credit_risk_model.service.errors import Errors
from credit_risk_model.service.lifespan import Lifespan
from credit_risk_model.service.loading import load
from credit_risk_model.service.metrics import Metrics
from credit_risk_model.service.prediction_log import PredictionLog
from credit_risk_model.service.routes import Routes
from credit_risk_model.service.state import Status

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")  # is safe in a log and in a header


def create_app(configuration: Configuration, status: Status | None = None, metrics: Metrics | None = None) -> ASGIApp:
    """Return the application, as ASGI; it loads the models when the server starts its lifespan.

    A request passes the layers from the last to the first. A server gives its own `status`, so that it can
    drain, and its own `metrics`, so that it can add to them.

    Raises:
        ConfigurationError: the prediction log cannot be written.
    """
    status = status or Status()
    metrics = metrics or Metrics(status)
    settings = configuration.service
    log = PredictionLog(settings, metrics.registry) if settings.prediction_log else None
    routes = Routes(configuration, status, metrics, website.in_every_state(configuration))
    app: ASGIApp = Errors(routes)
    app = AccessLog(app, metrics)
    app = CorrelationIdMiddleware(app, validator=_is_request_id, update_request_header=False)
    app = CloseWhileDraining(app, status)
    load_models = partial(load, configuration, status, metrics, log, routes)
    app = Lifespan(app, load_models, routes.check, log.finish if log else None)
    return tracing.Traced(app) if tracing.is_configured() else app


def from_environment() -> ASGIApp:
    """Return the application of the file that REST_CONFIG names, for a server that takes a factory."""
    return create_app(configurations.from_environment())


def _is_request_id(text: str) -> bool:
    return _REQUEST_ID.fullmatch(text) is not None
