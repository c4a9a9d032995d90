"""The ASGI lifespan: loads the models in a thread, and checks the predictions regularly."""

import asyncio
import logging
import threading
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from credit_risk_model.service import contract, website
from credit_risk_model.service.configuration import Configuration, check_omitted
from credit_risk_model.service.framework import LoadedModel, create_framework, load_models, make_pages
from credit_risk_model.service.metrics import Metrics
from credit_risk_model.service.prediction_log import PredictionLog
from credit_risk_model.service.predictions import Predictions
from credit_risk_model.service.routes import Routes
from credit_risk_model.service.state import Status

logger = logging.getLogger(__name__)
_CHECK_SECONDS = 0.25


@dataclass(eq=False)
class Lifespan:
    """Starts to load when the server starts, opens the routes once all models are loaded, and finishes the log."""

    app: ASGIApp
    configuration: Configuration
    status: Status
    metrics: Metrics
    log: PredictionLog | None
    routes: Routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await receive()
            threading.Thread(target=self._load, name="load", daemon=True).start()
            checking = asyncio.create_task(self._check_repeatedly())
            await send({"type": "lifespan.startup.complete"})
            await receive()
            checking.cancel()
            if self.log:
                self.log.finish()
            await send({"type": "lifespan.shutdown.complete"})

    async def _check_repeatedly(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            try:
                self.routes.check()
            except Exception:
                logger.exception("The check of the predictions failed.")

    def _load(self) -> None:
        start = time.perf_counter()
        models: list[LoadedModel] = []
        try:
            self._load_and_open(models)
        except BaseException:  # a model may raise SystemExit
            self.status.load_failed = True
            settings = self.configuration.models
            failed = settings[len(models) :][:1] or settings  # all, if what they share failed
            names = ", ".join(model.class_path for model in failed)
            logger.exception("%s could not be loaded.", names)
            logger.error("Load failed: %s. The service is not healthy, and will exit with 1 when it is stopped.", names)
        else:
            logger.info("Ready after %.2f s.", time.perf_counter() - start)

    def _load_and_open(self, models: list[LoadedModel]) -> None:
        """Load the models, add each to `models`, and open the routes."""
        configuration = self.configuration
        framework = create_framework(configuration)
        predictions = {}
        for index, loaded in enumerate(load_models(framework, configuration)):
            name = loaded.model.qualified_name
            self.metrics.add_model(name, loaded.model.version, loaded.digest, loaded.seconds)
            if configuration.models[index].create_endpoint:
                observers = [] if self.log is None else [self.log.observer(loaded)]
                if loaded.reference:
                    observers.append(self.metrics.models.add(name, loaded.reference))
                endpoint = Predictions(loaded.model, configuration.limits(index), observers)
                predictions[f"/api/models/{name}/prediction"] = endpoint
                self.metrics.add_endpoint(name, endpoint)
            models.append(loaded)
        check_omitted(configuration.service, [loaded.model.input_schema for loaded in models])
        pages = make_pages(contract.complete(framework, models), models, configuration.service.root_path)
        self.routes.open(predictions, pages | website.once_loaded(configuration, models))
