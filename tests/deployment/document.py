"""Writes the tables of docs/operations.md from the manifests and the measurements."""

from pathlib import Path
from typing import Any

from benchmarks import measure, record
from tests.conftest import ROOT
from tests.deployment.manifests import CONTAINER
from tests.deployment.rehearsal import RATE
from tests.service.document import renewed

DOCUMENT = ROOT / "docs" / "operations.md"
MEANINGS = {
    "startupProbe": "until it succeeds, the others wait; then the container is replaced",
    "readinessProbe": "out of service, and in again after one success",
    "livenessProbe": "the container is replaced",
}


def probes() -> str:
    lines = ["| probe | asks | every | answer within | failures | so it acts after | and then |"]
    lines.append("|---|---|---:|---:|---:|---:|---|")
    for kind, meaning in MEANINGS.items():
        probe: dict[str, Any] = CONTAINER[kind]
        period, failures = probe["periodSeconds"], probe["failureThreshold"]
        figures = f"{period} s | {probe['timeoutSeconds']} s | {failures} | {period * failures} s"
        lines.append(f"| `{kind}` | `{probe['httpGet']['path']}` | {figures} | {meaning} |")
    return "\n".join(lines)


def measured() -> str:
    recorded = record.read("measure")
    names = list(measure.CORES)
    lines = [f"| limit of CPU | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for figure in recorded[names[0]]:
        lines.append(f"| {figure} | {' | '.join(f'{recorded[name][figure]:,}' for name in names)} |")
    lines.append(
        f"\nThe longest of {measure.STARTS} starts, then {recorded['seconds']:.0f} s with {recorded['connections']} "
        f"connections; {recorded['how']}, {recorded['machine']}, {recorded['date']}.\n"
    )
    found = measure.checks(recorded, measure.pod())
    lines += [f"- {words[0].upper()}{words[1:]}{'' if holds else ': NO'}." for holds, words in found]
    return "\n".join(lines)


def rehearsal() -> str:
    recorded = record.read("rehearsal")
    ready, load = recorded["seconds until all are ready"], recorded["load"]
    lines = ["| | |", "|---|---:|"]
    lines += [f"| both ready, {name} of CPU on each | {seconds} s |" for name, seconds in ready.items()]
    lines += [
        f"| {load['connections']} connections for {load['seconds']:.0f} s at 200m each: predictions/s, refusals/s of "
        f"both together | {load['predictions per second']:,}, {load['refused per second']:,} |",
        f"| lost, restarts | {load['lost']}, {load['restarts']} |",
        f"| both always ready meanwhile | {'yes' if load['always ready'] else 'no'} |",
    ]
    for each in recorded["replacements"]:
        clients = f"connections {each['connections']}, clients {each['seconds late']} s late"
        lines.append(
            f"| update, rollback and a rollout whose artifact is refused, under {RATE} requests/s, {clients}: "
            f"lost of {each['requests']:,} | {each['lost']} |"
        )
    lines.append(f"\n{recorded['machine']}, {recorded['date']}.")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    return {"probes": probes(), "measured": measured(), "rehearsal": rehearsal()}


def main(path: Path = DOCUMENT) -> None:
    path.write_text(renewed(path.read_text(), tables()))


if __name__ == "__main__":
    main()
