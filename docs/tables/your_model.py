"""Generates what docs/your-model.md repeats: the files of examples/iris, and the times of the probes."""

from benchmarks import measure, results

_LANGUAGES = {".py": "python", ".yaml": "yaml", ".json": "json", "": "dockerfile"}


def file(name: str) -> str:
    """Return a file of the example, as the page shows it."""
    path = results.ROOT / "examples" / "iris" / name
    return f"`examples/iris/{name}`:\n\n```{_LANGUAGES[path.suffix]}\n{path.read_text()}```"


def lock() -> str:
    """Return the table of what Kubernetes does while a model holds the interpreter's lock."""
    [container] = measure.pod()["containers"]
    readiness, liveness = container["readinessProbe"], container["livenessProbe"]
    ready, live = (
        probe["failureThreshold"] * max(probe["periodSeconds"], probe["timeoutSeconds"])
        for probe in (readiness, liveness)
    )
    return f"""\
| the lock is held for | what Kubernetes does |
|---|---|
| less than {readiness["timeoutSeconds"]} s | nothing; probes and requests wait and are answered |
| about {ready} s | the readiness probes time out; the pod gets no requests until one succeeds |
| about {live} s | the liveness probes time out; the container is killed after its grace period, and restarted |"""
