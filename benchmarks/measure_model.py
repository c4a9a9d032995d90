"""Measures any model, and prints what its manifests need and how to patch the base."""

import argparse
import copy
import json
import math
import shlex
import sys
import textwrap
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.load import Address, answer, post
from benchmarks.measure import CORES, MANIFEST, Needs, in_control_group, measure, mebibytes, needs, seconds_to_act
from benchmarks.servers import OURS
from credit_risk_model.service.settings import Settings


def prediction(address: Address, body: bytes) -> str:
    """Return the path of the predictions of the first model; exit if it does not answer the body with 200."""
    _, models = answer(address, "/api/models")
    path = f"/api/models/{json.loads(models)['models'][0]['qualified_name']}/prediction"
    status, text = answer(address, path, body)
    if status != 200:
        sys.exit(f"{path} answers {status}: {text.decode()}")
    return path


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
    body = arguments.body.read_bytes()
    configuration = arguments.configuration.resolve()
    server = replace(
        OURS,
        command=f"{shlex.quote(str(arguments.python.absolute()))} -m credit_risk_model.service --port {{port}}",
        folder=configuration.parent,  # it may name files and modules there
        variables={"REST_CONFIG": str(configuration)},
    )
    run = partial(in_control_group, server=server)
    with run(None) as service:
        service.until_ready()
        request = post(prediction(service.address, body), body)
    measured = {}
    for name, cores in CORES.items():
        measured[name] = measure(run, cores, request)
        print(f"{name}:", *(f"{figure}: {value}" for figure, value in measured[name].items()), sep="\n  ")
    needed = needs(measured)
    print(f"""\
The manifests need:
  startupProbe: periodSeconds x failureThreshold >= {needed.start}
  REST_STAY_READY_SECONDS >= {needed.stay_ready}
  every probe: (failureThreshold - 1) x max(periodSeconds, timeoutSeconds) + timeoutSeconds > {needed.slowest:g}
  memory: at least {needed.memory}Mi""")
    print(compared(needed, yaml.safe_load(configuration.read_text()).get("service") or {}))


if __name__ == "__main__":
    main()
