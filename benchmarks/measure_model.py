"""Measures any model, and prints the figures that its manifests need."""

import argparse
import json
import math
import sys
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.control_group import control_group
from benchmarks.load import Address, post
from benchmarks.measure import CORES, CREATION_SECONDS, MEMORY_FACTOR, START_UP_FACTOR, in_control_group, measure


def prediction(address: Address, body: bytes) -> str:
    """Return the path of the predictions of the first model; exit if it does not answer the body with 200."""
    service = "http://{}:{}".format(*address)
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with directly.open(f"{service}/api/models", timeout=60) as answer:
        path = f"/api/models/{json.load(answer)['models'][0]['qualified_name']}/prediction"
    request = urllib.request.Request(service + path, body, {"Content-Type": "application/json"})  # noqa: S310  # http
    try:
        directly.open(request, timeout=60).close()
    except urllib.error.HTTPError as error:
        sys.exit(f"{path} answers {error.code}: {error.read().decode()}")
    return path


def needs(measured: dict[str, dict[str, Any]]) -> list[str]:
    """Return what the manifests of a model with these measurements need: what `checks` checks for this project."""
    ready = max(figures["seconds to ready"] for figures in measured.values())
    peak = max(figures["peak memory in MiB"] for figures in measured.values())
    slowest = max(figures["slowest probe in ms"] for figures in measured.values()) / 1e3
    return [
        f"startupProbe: periodSeconds x failureThreshold >= {math.ceil(START_UP_FACTOR * ready)}",
        f"REST_STAY_READY_SECONDS >= {math.ceil(CREATION_SECONDS + ready)}",
        f"every probe: (failureThreshold - 1) x max(periodSeconds, timeoutSeconds) + timeoutSeconds > {slowest:g}",
        f"memory: at least {math.ceil(MEMORY_FACTOR * peak)}Mi",
    ]


def main() -> None:
    """Measure with and without a limit of the CPU, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configuration", type=Path, help="the configuration of the model, the first one in it")
    parser.add_argument("body", type=Path, help="a file with the body of a request")
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="a Python that has the packages of the model"
    )
    arguments = parser.parse_args()
    try:
        with control_group(0.2):
            pass
    except OSError as error:
        sys.exit(
            "Cannot measure here. A control group cannot be created, which needs Linux and root, or control groups "
            f"that are delegated to you: {error}."
        )
    body = arguments.body.read_bytes()
    run = partial(
        in_control_group, python=str(arguments.python.absolute()), configuration=arguments.configuration.resolve()
    )
    with run(None, None) as service:
        service.until_ready()
        request = post(prediction(service.address, body), body)
    measured = {}
    for name, cores in CORES.items():
        measured[name] = measure(run, cores, None, request)
        print(f"{name}:", *(f"{figure}: {value}" for figure, value in measured[name].items()), sep="\n  ")
    print("The manifests need:", *needs(measured), sep="\n  ")


if __name__ == "__main__":
    main()
