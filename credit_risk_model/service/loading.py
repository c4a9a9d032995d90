"""Loads the models, makes the pages, and opens the routes; this ends the state *loading*."""

import logging
import time

from credit_risk_model.service import contract, website
from credit_risk_model.service.configuration import Configuration, check_omitted
from credit_risk_model.service.framework import LoadedModel, create_framework, load_models, make_pages
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
    models: list[LoadedModel] = []
    try:
        _load(models, configuration, metrics, log, routes)
    except BaseException:  # a model may raise SystemExit
        status.load_failed = True
        failed = configuration.models[len(models) :][:1] or configuration.models  # all, if what they share failed
        names = ", ".join(model.class_path for model in failed)
        logger.exception("%s could not be loaded.", names)
        logger.error("Load failed: %s. The service is not healthy, and will exit with 1 when it is stopped.", names)
    else:
        logger.info("Ready after %.2f s.", time.perf_counter() - start)


def _load(
    models: list[LoadedModel],
    configuration: Configuration,
    metrics: Metrics,
    log: PredictionLog | None,
    routes: Routes,
) -> None:
    """Do so; `models` gets each model once it is loaded."""
    framework = create_framework(configuration)
    predictions = {}
    for index, loaded in enumerate(load_models(framework, configuration)):
        name = loaded.model.qualified_name
        metrics.add_model(name, loaded.model.version, loaded.digest, loaded.seconds)
        if configuration.models[index].create_endpoint:
            observers = [] if log is None else [log.observer(loaded)]
            if loaded.reference:
                observers.append(metrics.models.add(name, loaded.reference))
            endpoint = Predictions(loaded.model, configuration.limits(index), observers)
            predictions[f"/api/models/{name}/prediction"] = endpoint
            metrics.add_endpoint(name, endpoint)
        models.append(loaded)
    check_omitted(configuration.service, [loaded.model.input_schema for loaded in models])
    pages = make_pages(contract.complete(framework, models), models, configuration.service.root_path)
    routes.open(predictions, pages | website.once_loaded(configuration, models))
