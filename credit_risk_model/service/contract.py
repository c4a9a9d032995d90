"""The OpenAPI contract of what the composed application answers, made from the framework's."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI

from credit_risk_model.service.framework import LoadedModel
from credit_risk_model.service.probes import PROBES, Probe
from credit_risk_model.service.state import TRUTH_TABLE

_REQUEST_ID = {
    "description": "The id of the request in the log: the one from the request, or a new one.",
    "schema": {"type": "string"},
}
_RETRY_AFTER = {"description": "Seconds to wait before a retry.", "schema": {"type": "integer"}}
_HTML = {"text/html": {"schema": {"type": "string"}}}
_ADDED = {
    "prediction": {
        "400": "The body is not JSON, or a field is wrong; each wrong field has its message.",
        "404": "No such model.",
        "408": "The request did not arrive in time.",
        "413": "The body is too large.",
        "415": "The content type is not application/json.",
        "500": "An internal error; the log has it under the id of the request.",
        "503": "The models are not loaded, too many predictions wait, or the deadline has passed.",
    },
    "metadata": {"404": "No such model.", "503": "The models are not loaded."},
    "card": {"503": "The models are not loaded."},
}


def complete(framework: FastAPI, models: Iterable[LoadedModel]) -> dict[str, Any]:
    """Correct the contract of the framework's application, and return it."""
    contract = framework.openapi()
    schemas = contract["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["ModelMetadata"]["properties"]["artifact_digest"] = {
        "type": "string",
        "title": "Artifact Digest",
        "description": "The SHA-256 of the artifact, if the model has one.",
    }
    for path, probe in PROBES.items():
        operation = contract["paths"][path]["get"]
        operation["summary"], operation["description"] = probe.name, f"{probe.meaning}\n\n{_states(probe)}"
    for loaded in models:
        path = f"/api/models/{loaded.model.qualified_name}/prediction"
        if path in contract["paths"]:
            operation = contract["paths"][path]["post"]
            operation["summary"] = f"Predict with {loaded.model.display_name}"
        if loaded.card:
            contract["paths"][card_path(loaded)] = {"get": _card(loaded)}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in contract["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("422", None)
            for status, description in _ADDED.get(path.rpartition("/")[2], {}).items():
                responses[status] = {"description": description, "content": error}
            for status, response in responses.items():
                response["headers"] = {"X-Request-ID": _REQUEST_ID}
                if status == "503" and response["content"] == error:
                    response["headers"]["Retry-After"] = _RETRY_AFTER
    root = contract["paths"]["/"]["get"]
    root["summary"], root["description"] = "The page", "A page for people that shows the service."
    root["responses"]["307"] = {
        "description": "The page is turned off: a redirect to the documentation.",
        "headers": root["responses"]["200"]["headers"],
    }
    root["responses"]["200"]["content"] = _HTML
    return contract


def card_path(loaded: LoadedModel) -> str:
    return f"/api/models/{loaded.model.qualified_name}/card"


def _card(loaded: LoadedModel) -> dict[str, Any]:
    return {
        "summary": f"Model card of {loaded.model.display_name}",
        "operationId": f"{loaded.model.qualified_name}_card",
        "responses": {"200": {"description": "Successful Response", "content": _HTML}},
    }


def _states(probe: Probe) -> str:
    return "\n".join(f"- {state}: {probe.status(row)}" for state, row in TRUTH_TABLE.items())
