"""Loads the models, makes the pages, and opens the routes; this ends the state *loading*."""

import logging
import time

from credit_risk_model.service import contract, website
from credit_risk_model.service.configuration import Configuration, check_omitted
from credit_risk_model.service.framework import create_framework, load_models, make_pages
from credit_risk_model.service.metrics import Metrics
from credit_risk_model.service.prediction_log import PredictionLog
from credit_risk_model.service.predictions import Predictions
from credit_risk_model.service.routes import Routes
from credit_risk_model.service.state import Status

logger = logging.getLogger(__name__)


def load(
    configuration: Configuration, status: Status, metrics: Metrics, log: PredictionLog | None, routes: Routes
) -> None:
    """Load the models and open the routes; any exception is logged, and the state becomes *load failed*."""
    start = time.perf_counter()
    try:
        _load(configuration, metrics, log, routes)
    except BaseException:  # a model may raise SystemExit
        status.load_failed = True
        logger.exception("A model could not be loaded.")
        logger.error("Load failed: the service is not healthy, and will exit with 1 when it is stopped.")
    else:
        logger.info("Ready after %.2f s.", time.perf_counter() - start)


def _load(configuration: Configuration, metrics: Metrics, log: PredictionLog | None, routes: Routes) -> None:
    framework = create_framework(configuration)
    models = []
    predictions = {}
    for index, loaded in enumerate(load_models(framework, configuration)):
        models.append(loaded)
        name = loaded.model.qualified_name
        metrics.add_model(name, loaded.model.version, loaded.digest, loaded.seconds)
        if configuration.models[index].create_endpoint:
            observers = [] if log is None else [log.observer(loaded)]
            if loaded.reference:
                observers.append(metrics.models.add(name, loaded.reference))
            endpoint = Predictions(loaded.model, configuration.limits(index), observers)
            predictions[f"/api/models/{name}/prediction"] = endpoint
            metrics.add_endpoint(name, endpoint)
    check_omitted(configuration.service, [loaded.model.input_schema for loaded in models])
    pages = make_pages(contract.complete(framework, models), models, configuration.service.root_path)
    routes.open(predictions, pages | website.once_loaded(configuration, models))
