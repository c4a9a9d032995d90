"""Tells what each layer of the composed application adds to a request, in one process and without a network.

Run by `make layers` in the environment of the service.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import record
from credit_risk_model.features import EXAMPLE
from credit_risk_model.service import body, configuration, logs
from credit_risk_model.service.application import Application
from credit_risk_model.service.lifecycle import State

ROOT = Path(__file__).parent.parent
PATH = "/api/models/credit_risk_model/prediction"
BODY = json.dumps(EXAMPLE).encode()
ROUNDS, CONNECTIONS, REQUESTS = 15, 16, 1_600

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


async def receive() -> dict[str, Any]:
    """Return the body."""
    return {"type": "http.request", "body": BODY, "more_body": False}


async def send(message: Any) -> None:
    """Take a part of the answer."""


async def asking(app: Asgi) -> float:
    """Return the CPU time of one request in µs, where 16 are under way."""

    async def ask() -> None:
        for _ in range(REQUESTS // CONNECTIONS):
            headers = [(b"host", b"x"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
            scope = {"type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "headers": headers}
            await app(scope, receive, send)

    start = time.process_time()
    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return (time.process_time() - start) / REQUESTS * 1e6


def calling(function: Callable[[], Any]) -> float:
    """Return the CPU time of one call in µs."""
    start = time.process_time()
    for _ in range(REQUESTS):
        function()
    return (time.process_time() - start) / REQUESTS * 1e6


async def main() -> None:
    """Measure in turns, print and record the least of each."""
    logs.configure("text")
    application = Application(configuration.read(ROOT / "configuration" / "rest_configuration.yaml", {}))
    while application.lifecycle.state is State.LOADING:
        await asyncio.sleep(0.01)
    predictions = application._predictions[PATH]
    model = predictions._model
    loan = model.input_schema.model_validate_json(BODY)
    least: dict[str, float] = {}
    for _ in range(ROUNDS):
        found = {
            "parse": calling(lambda: body.parse(BODY)),
            "validate": calling(lambda: model.input_schema.model_validate(body.parse(BODY))),
            "model": calling(lambda: model.predict(loan)),
            "thread": calling(lambda: predictions._predict(BODY)),
            "predictions": await asking(predictions),
            "observed": await asking(application._entrance.app),  # type: ignore[attr-defined]  # the request id is added to it
            "all": await asking(application),
        }
        least = {name: min(value, least.get(name, value)) for name, value in found.items()}
    result = {
        "rounds": ROUNDS,
        "layers": {
            "JSON to Python objects": least["parse"],
            "pydantic's validation": least["validate"] - least["parse"],
            "the model": least["model"],
            "the answer as JSON": least["thread"] - least["validate"] - least["model"],
            "limits, turns, reading the body, the way to the thread and back": least["predictions"] - least["thread"],
            "route, metrics and access log": least["observed"] - least["predictions"],
            "request id": least["all"] - least["observed"],
            "all of the application": least["all"],
        },
    }
    record.write("layers", result)
    print(json.dumps(result["layers"], indent=1))


if __name__ == "__main__":
    uvloop.run(main())
