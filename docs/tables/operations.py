"""Generates the tables of docs/operations.md from the manifests and the recorded measurements."""

from benchmarks import measure, results

MEANINGS = {
    "startupProbe": "the container is restarted; until the probe succeeds, the other two are not asked",
    "readinessProbe": "the pod gets no requests until the probe succeeds once",
    "livenessProbe": "the container is restarted",
}


def probes() -> str:
    """Return the table of the probes of the Deployment."""
    [container] = measure.pod()["containers"]
    lines = ["| probe | path | period | timeout | failures | acts on 503 after | acts on silence after | action |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|---|")
    for kind, meaning in MEANINGS.items():
        probe = container[kind]
        acts = ("{} to {} s".format(*measure.seconds_to_act(probe, is_silent)) for is_silent in (False, True))
        figures = f"{probe['periodSeconds']} s | {probe['timeoutSeconds']} s | {probe['failureThreshold']} | "
        figures += " | ".join(acts)
        lines.append(f"| `{kind}` | `{probe['httpGet']['path']}` | {figures} | {meaning} |")
    return "\n".join(lines)


def measured() -> str:
    """Return the table of the measurements under the limits of the pod, and whether the manifests fit them."""
    recorded = results.read("measure")
    names = list(measure.CORES)
    lines = [f"| CPU limit | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for figure in recorded[names[0]]:
        values = (recorded[name][figure] for name in names)
        lines.append(f"| {figure} | {' | '.join(v if isinstance(v, str) else f'{v:,}' for v in values)} |")
    lines.append(
        f"\nThe time to ready is the longest of {measure.STARTS} starts. The load had {recorded['connections']} "
        f"connections for {recorded['seconds']:.0f} s. Measured with {recorded['how']}, {recorded['machine']}, "
        f"{recorded['date']}.\n"
    )
    checks = measure.checks(recorded, measure.pod())
    lines += [f"- {words[0].upper()}{words[1:]}{'' if holds else ': NO'}." for holds, words in checks]
    return "\n".join(lines)


def rehearsal() -> str:
    """Return the table of the rehearsal with two pods: start, load and replacements."""
    recorded = results.read("rehearsal")
    ready, load = recorded["seconds until all are ready"], recorded["load"]
    load_case = f"{load['connections']} connections for {load['seconds']:.0f} s at 200m per pod"
    lines = ["| | |", "|---|---:|"]
    lines += [f"| both pods ready, {name} of CPU per pod | {seconds} s |" for name, seconds in ready.items()]
    lines += [
        f"| {load_case}: predictions/s of both pods | {load['predictions per second']:,} |",
        f"| refused/s, lost, restarts | {load['refused per second']}, {load['lost']}, {load['restarts']} |",
        f"| both pods ready all the time | {'yes' if load['always ready'] else 'no'} |",
    ]
    for each in recorded["replacements"]:
        connections = "a new connection per request" if each["connections"] == "new for each" else "kept connections"
        lines.append(
            f"| {each['requests']:,} requests during replacements, with {connections}, from clients that learn of each "
            f"change {each['seconds late']} s late: lost | {each['lost']} |"
        )
    for name, runs in recorded.get("deletions", {}).items():
        requests, lost = (sum(each[key] for each in runs) for key in ("requests", "lost"))
        slowest = max(each["seconds until others are ready"] for each in runs)
        lines.append(
            f"| {requests:,} requests while both pods are deleted at once, {len(runs)} times, {name} of CPU per pod; "
            f"the others are ready after {slowest} s at most: lost | {lost} |"
        )
    for name, each in recorded.get("hung", {}).items():
        seconds = each["seconds until"]
        lines.append(
            f"| a process that hangs, {name} of CPU per pod: out of service, restarted, ready again after | "
            f"{seconds['out of service']}, {seconds['restarted']}, {seconds['ready again']} s |"
        )
    lines.append(f"\n{recorded['machine']}, {recorded['date']}.")
    return "\n".join(lines)


def cluster() -> str:
    """Return the table of `make e2e` on a real cluster, without and with a limit of the CPU."""
    recorded = results.read("cluster")
    names = list(recorded["rows"])
    lines = ["| scenario | " + " | ".join(f"{name}: seconds | requests | lost" for name in names) + " |"]
    lines.append("|---|" + "---:|" * 3 * len(names))
    for cases in zip(*recorded["rows"].values(), strict=True):
        figures = [
            f"{', '.join(f'{number:.1f}' for number in each['seconds'])} | {each['requests']:,} | {each['lost']}"
            for each in cases
        ]
        lines.append(f"| {cases[0]['name']} | {' | '.join(figures)} |")
    nodes = f"{recorded['nodes']} node{'s' if recorded['nodes'] > 1 else ''}"
    lines.append(f"\nKubernetes {recorded['kubernetes']}, {nodes}, {recorded['machine']}, {recorded['date']}.")
    return "\n".join(lines)
