"""Measures any model, and prints what its manifests need and how to patch the base."""

import argparse
import copy
import json
import math
import sys
import textwrap
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.control_group import control_group
from benchmarks.load import Address, post
from benchmarks.measure import (
    CORES,
    CREATION_SECONDS,
    MANIFEST,
    MEMORY_FACTOR,
    START_UP_FACTOR,
    in_control_group,
    measure,
    mebibytes,
    seconds_to_act,
)
from credit_risk_model.service.settings import Settings


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


@dataclass
class Needs:
    """What the manifests of a model need: what `checks` checks for this project."""

    start: int  # seconds that the startup probe allows
    stay_ready: int  # seconds
    slowest: float  # seconds that a probe must bear
    memory: int  # MiB

    def __str__(self) -> str:
        return f"""\
  startupProbe: periodSeconds x failureThreshold >= {self.start}
  REST_STAY_READY_SECONDS >= {self.stay_ready}
  every probe: (failureThreshold - 1) x max(periodSeconds, timeoutSeconds) + timeoutSeconds > {self.slowest:g}
  memory: at least {self.memory}Mi"""


def needs(measured: dict[str, dict[str, Any]]) -> Needs:
    """Return what a model with these measurements needs."""
    ready = max(figures["seconds to ready"] for figures in measured.values())
    peak = max(figures["peak memory in MiB"] for figures in measured.values())
    slowest = max(figures["slowest probe in ms"] for figures in measured.values())
    return Needs(
        start=math.ceil(START_UP_FACTOR * ready),
        stay_ready=math.ceil(CREATION_SECONDS + ready),
        slowest=slowest / 1e3,
        memory=math.ceil(MEMORY_FACTOR * peak),
    )


def fitting(base: dict[str, Any], needed: Needs, ending: float) -> dict[str, Any]:
    """Return a copy of a Deployment's `spec` in which the values that are too small are raised.

    `ending` is the number of seconds that the service takes to stop after it has stayed ready.
    """
    spec = copy.deepcopy(base)
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    startup, resources = container["startupProbe"], container["resources"]
    [stay_ready] = [variable for variable in container["env"] if variable["name"] == "REST_STAY_READY_SECONDS"]

    def raise_to(place: dict[str, Any], key: str, least: float) -> None:
        place[key] = max(place[key], math.ceil(least))

    raise_to(startup, "failureThreshold", needed.start / startup["periodSeconds"])
    raise_to(spec, "progressDeadlineSeconds", startup["failureThreshold"] * startup["periodSeconds"] + 60)
    stay_ready["value"] = str(max(int(stay_ready["value"]), needed.stay_ready))
    raise_to(pod, "terminationGracePeriodSeconds", int(stay_ready["value"]) + ending)
    for probe in (startup, container["readinessProbe"], container["livenessProbe"]):
        while seconds_to_act(probe, is_silent=True)[0] <= needed.slowest:
            probe["timeoutSeconds"] += 1
    for quantities in (resources["requests"], resources["limits"]):
        quantities["memory"] = f"{max(mebibytes(quantities['memory']), needed.memory)}Mi"
    return spec


def difference(base: dict[str, Any], spec: dict[str, Any], found: list[str], path: str = "") -> dict[str, Any]:
    """Return the strategic merge patch from `base` to `spec`, and add a line for each value to `found`.

    The items of a list are found by their names.
    """
    patch: dict[str, Any] = {}
    for key, value in spec.items():
        if value == base[key]:
            continue
        if isinstance(value, dict):
            patch[key] = difference(base[key], value, found, f"{path}{key}.")
        elif isinstance(value, list):
            patch[key] = [
                {"name": new["name"]} | difference(old, new, found, f"{path}{key}[{new['name']}].")
                for old, new in zip(base[key], value, strict=True)
                if old != new
            ]
        else:
            patch[key] = value
            found.append(f"{path}{key}: {base[key]}, should be {value}")
    return patch


def compared(needed: Needs, service: dict[str, Any]) -> str:
    """Return which values of the base do not fit, and the patch; `service` is that section of the configuration."""
    [base] = [found["spec"] for found in yaml.safe_load_all(MANIFEST.read_text()) if found["kind"] == "Deployment"]
    default = Settings()
    drain = service.get("drain_seconds", default.drain_seconds)
    finish = service.get("finish_seconds", default.finish_seconds)
    found: list[str] = []
    spec = difference(base, fitting(base, needed, drain + finish + 1), found)
    if not found:
        return "All values of kubernetes/base fit."
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "any"}, "spec": spec}
    patch = textwrap.indent(yaml.safe_dump(deployment, sort_keys=False), "      ")
    lines = "\n  ".join(found)
    return f"""\
These values of kubernetes/base do not fit:
  {lines}
Add this to the `patches:` of your kustomization.yaml:
  - target: {{kind: Deployment}}
    patch: |
{patch}"""


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
    needed = needs(measured)
    section = yaml.safe_load(arguments.configuration.read_text()).get("service") or {}
    print("The manifests need:", needed, compared(needed, section), sep="\n")


if __name__ == "__main__":
    main()
