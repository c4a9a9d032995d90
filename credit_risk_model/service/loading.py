"""The load: it makes the models and the pages, opens the routes, and moves the state."""

import asyncio
import gc
import logging
import time

from credit_risk_model.service import contract, page
from credit_risk_model.service.configuration import Configuration
from credit_risk_model.service.metrics import Metrics
from credit_risk_model.service.models import create_framework, load_models
from credit_risk_model.service.pages import make_pages
from credit_risk_model.service.predictions import Predictions
from credit_risk_model.service.routes import Routes
from credit_risk_model.service.state import Status

logger = logging.getLogger(__name__)


class Loader:
    """Loads the models, in a thread of its own, and opens the routes when all of them are there."""

    def __init__(self, configuration: Configuration, status: Status, metrics: Metrics, routes: Routes) -> None:
        self._configuration = configuration
        self._status = status
        self._metrics = metrics
        self._routes = routes

    def load(self) -> None:
        """Load; whatever goes wrong is logged, and the state becomes *load failed*."""
        start = time.perf_counter()
        try:
            self._load()
        except BaseException:  # a model may raise SystemExit
            self._status.load_failed = True
            logger.exception("A model could not be loaded.")
            logger.error("Load failed: the service is not healthy, and exits with 1 when it is told to stop.")
        else:
            logger.info("Ready after %.2f s.", time.perf_counter() - start)

    def _load(self) -> None:
        framework = create_framework(self._configuration)
        models = []
        predictions = {}
        for index, loaded in enumerate(load_models(framework, self._configuration)):
            models.append(loaded)
            name = loaded.model.qualified_name
            self._metrics.add_model(name, loaded.model.version, loaded.digest, loaded.seconds)
            if self._configuration.models[index].create_endpoint:
                endpoint = Predictions(loaded.model, self._configuration.limits(index))
                predictions[f"/api/models/{name}/prediction"] = endpoint
                self._metrics.add_endpoint(name, endpoint)
        contract.complete(framework, models)
        pages = asyncio.run(make_pages(framework, models, self._configuration.service.root_path))
        pages = {**pages, **page.once_loaded(self._configuration, models)}
        gc.collect()
        gc.freeze()  # a full collection of what stays anyway would hold up every probe
        self._routes.open(predictions, pages)
