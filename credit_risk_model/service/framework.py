"""What the framework does: it loads the models, and makes the contract and the metadata of the models."""

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from ml_base import MLModel
from ml_base.utilities import ModelManager
from rest_model_service.helpers import build_models, create_app
from rest_model_service.routes import get_model_metadata, get_models
from starlette.responses import JSONResponse

from credit_risk_model.service.configuration import Configuration
from credit_risk_model.service.members import check_members
from credit_risk_model.service.responses import Page

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model that can predict."""

    model: MLModel
    digest: str
    """The `artifact_digest` that the model offers, or nothing."""
    card: str
    """The `model_card` that the model offers, in Markdown, or nothing."""
    reference: Mapping[str, Any] | None
    """The `reference` that the model offers, for the metrics of its answers."""
    seconds: float
    """How long it took to load and to check itself."""


def create_framework(configuration: Configuration) -> FastAPI:
    """Return the application of the framework, without models."""
    with suppress(AttributeError):  # this is the first application of the process
        ModelManager.clear_instance()  # the framework refuses a model that an earlier application has loaded
    empty = configuration.model_copy(update={"models": [], "logging": None})
    framework: FastAPI = create_app(empty, wait_for_model_creation=True)
    return framework


def load_models(framework: FastAPI, configuration: Configuration) -> Iterator[LoadedModel]:
    """Add one model after the other to the framework's application, let it check itself, and yield it."""
    for settings in configuration.models:
        start = time.perf_counter()
        build_models(framework, configuration.model_copy(update={"models": [settings]}))
        name = ModelManager().get_models()[-1]["qualified_name"]
        model = ModelManager().get_model(name)
        check_members(model)
        if hasattr(model, "self_check"):
            result = model.self_check()
            if repr(result) not in ("None", "True", "np.True_"):  # the service does not import numpy
                raise ValueError(
                    f"The self-check of {name} returned {result!r:.200}. Only None and True mean that it passed."
                )
        seconds = time.perf_counter() - start
        digest, card = str(getattr(model, "artifact_digest", None) or ""), str(getattr(model, "model_card", None) or "")
        reference = getattr(model, "reference", None)
        shown = f", artifact {digest[:12]}," if digest else ""
        logger.info("Loaded %s %s%s in %.2f s.", name, model.version, shown, seconds)
        yield LoadedModel(model, digest, card, reference, seconds)


def make_pages(contract: Mapping[str, Any], models: Iterable[LoadedModel], root_path: str) -> dict[str, Page]:
    """Return the contract and what the framework says of the models, by path.

    The framework makes each of them for every request, which would delay the probes.
    """
    served = {**contract, "servers": [{"url": root_path}]} if root_path else contract
    pages = {"/openapi.json": _page(JSONResponse(served)), "/api/models": _page(asyncio.run(get_models()))}
    for loaded in models:
        name = loaded.model.qualified_name
        page = _page(asyncio.run(get_model_metadata(name)))
        if loaded.digest:
            page = _page(JSONResponse({**json.loads(page.body), "artifact_digest": loaded.digest}))
        pages[f"/api/models/{name}/metadata"] = page
    return pages


def _page(response: JSONResponse) -> Page:
    if response.status_code != 200:
        raise RuntimeError(f"The framework cannot show a model: {bytes(response.body).decode()}")
    return Page(200, bytes(response.body), b"application/json")
