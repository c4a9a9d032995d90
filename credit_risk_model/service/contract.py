"""The OpenAPI contract of what the composed application answers, made from the framework's."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from credit_risk_model.service.lifecycle import Lifecycle, State

_REQUEST_ID = {
    "description": "The id of the request in the log: the one that it came with, or a new one.",
    "schema": {"type": "string"},
}
_RETRY_AFTER = {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}}
_NEW = {
    "prediction": {
        "400": "The body is no JSON, or a field is wrong; each wrong one has its message.",
        "404": "No such model.",
        "413": "The body is too large.",
        "415": "The content type is not application/json.",
        "500": "An error inside the service; the log has it under the id of the request.",
        "503": "The models are not loaded, or too many predictions wait.",
    },
    "metadata": {"404": "No such model.", "503": "The models are not loaded."},
}


def describing(app: FastAPI, lifecycle: Lifecycle) -> Callable[[], dict[str, Any]]:
    """Return what stands in for `app.openapi`; before the routes are complete, nothing is kept of the answer."""

    def openapi() -> dict[str, Any]:
        complete = lifecycle.state in (State.READY, State.DRAINING)
        contract = app.openapi_schema or _exact(FastAPI.openapi(app))
        app.openapi_schema = contract if complete else None
        return contract

    return openapi


def _exact(contract: dict[str, Any]) -> dict[str, Any]:
    for name in ("HTTPValidationError", "ValidationError"):
        contract.get("components", {}).get("schemas", {}).pop(name, None)
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in contract["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("422", None)
            for status, description in _NEW.get(path.rpartition("/")[2], {}).items():
                responses[status] = {"description": description, "content": error}
            for status, response in responses.items():
                response["headers"] = {"X-Request-ID": _REQUEST_ID}
                if status == "503" and response["content"] == error:
                    response["headers"]["Retry-After"] = _RETRY_AFTER
    page = contract["paths"]["/"]["get"]["responses"]
    page["307"] = {"description": "The way to the documentation.", "headers": page["200"]["headers"]}
    page["200"]["content"] = {"text/html": {"schema": {"type": "string"}}}
    return contract
