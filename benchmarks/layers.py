"""Measures the CPU time that each layer of the application adds to a request, in one process and without a network."""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import loans, report, results
from benchmarks.load import PREDICTION
from credit_risk_model.service import body, configuration, logs
from credit_risk_model.service.application import create_app
from credit_risk_model.service.routes import Routes
from credit_risk_model.service.state import Status
from credit_risk_model.service.workers import Job

ROUNDS, CONNECTIONS, REQUESTS = 31, 16, 1_600

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
_running: set[asyncio.Task[Any]] = set()


def _never() -> bool:
    return False


async def asking(app: Asgi, bodies: list[bytes]) -> float:
    """Return the CPU time of one request in µs while 16 requests run."""
    contents = itertools.cycle(bodies)

    async def send(message: Any) -> None:
        if message.get("status", 200) != 200:
            sys.exit(f"The service answered {message['status']}.")

    async def ask() -> None:
        for _ in range(REQUESTS // CONNECTIONS):
            content = next(contents)

            async def receive(content: bytes = content) -> dict[str, Any]:
                return {"type": "http.request", "body": content, "more_body": False}

            length = b"%d" % len(content)
            headers = [(b"host", b"x"), (b"content-type", b"application/json"), (b"content-length", length)]
            scope = {"type": "http", "method": "POST", "path": PREDICTION, "headers": headers, "state": {}}
            await app(scope | {"raw_path": PREDICTION.encode()}, receive, send)

    start = time.process_time()
    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return (time.process_time() - start) / REQUESTS * 1e6


def calling(function: Callable[[Any], Any], arguments: Iterable[Any]) -> float:
    """Return the CPU time of one call in µs."""
    given = list(itertools.islice(itertools.cycle(arguments), REQUESTS))
    start = time.process_time()
    for argument in given:
        function(argument)
    return (time.process_time() - start) / REQUESTS * 1e6


async def loaded() -> tuple[dict[str, Asgi], Routes]:
    """Return the layers of the loaded application, the outermost first, and its innermost layer, the routes."""
    status = Status()
    app: Any = create_app(configuration.read(results.ROOT / "configuration" / "rest_configuration.yaml", {}), status)
    events = iter([{"type": "lifespan.startup"}])

    async def receive() -> Any:
        return next(events, None) or await asyncio.Event().wait()

    async def send(message: Any) -> None:
        pass

    _running.add(asyncio.create_task(app({"type": "lifespan"}, receive, send)))
    while not status.loaded:
        if status.load_failed:
            sys.exit("The models could not be loaded.")
        await asyncio.sleep(0.01)
    layers = {}
    while not isinstance(app, Routes):
        layers[type(app).__name__] = app
        app = getattr(app, "_app", None) or app.app
    return layers | {"Routes": app}, app


async def main(data: str | None) -> None:
    """Measure in turns, print and record."""
    kind, different = loans.different(data)
    layers, routes = await loaded()
    predictions = routes._predictions[PREDICTION]
    model = predictions._model
    bodies = [json.dumps(loan).encode() for loan in different]
    requests = [model.input_schema(**loan) for loan in different]
    limit = predictions._limits.value_limit
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        parse = calling(lambda content: body.parse(content, limit), bodies)
        validate = calling(lambda content: model.input_schema.model_validate(body.parse(content, limit)), bodies)
        predict = calling(model.predict, requests)
        thread = calling(lambda content: predictions._predict(Job(content, _never)), bodies)
        predicted = await asking(predictions, bodies)
        routed = await asking(layers["Routes"], bodies)
        observed = await asking(layers["AccessLog"], bodies)
        everything = await asking(layers["Lifespan"], bodies)
        measured = {
            "JSON to Python objects": parse,
            "pydantic's validation": validate - parse,
            "the model": predict,
            "the answer as JSON": thread - validate - predict,
            "limits, reading the body, the way to the thread and back": predicted - thread,
            "routes": routed - predicted,
            "errors, metrics and access log": observed - routed,
            "request id, root path": everything - observed,
            "all of the application": everything,
        }
        for name, microseconds in measured.items():
            found[name].append(microseconds)
    result = {"rounds": ROUNDS, "loans": f"{len(different)} different {kind} loans"}
    quartiles = {name: [round(part, 1) for part in statistics.quantiles(each)] for name, each in found.items()}
    results.write("layers", result | {"layers": quartiles})
    print(report.layers(results.read("layers")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.layers", description=__doc__)
    parser.add_argument("--data", help="a file of real loans (default: synthetic loans)")
    arguments = parser.parse_args()
    with Path(os.devnull).open("w") as nowhere:
        with redirect_stderr(nowhere):  # writing the log is part of the measurement; its lines are discarded
            logs.configure("text")
        uvloop.run(main(arguments.data))
