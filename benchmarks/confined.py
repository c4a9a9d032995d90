"""Runs the service as a process that is confined to one core or to control groups."""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import Address
from benchmarks.results import ROOT

CONFIGURATION = ROOT / "configuration" / "rest_configuration.yaml"
_MODULE = ("credit_risk_model.service",)


@contextmanager
def serving(
    groups: Sequence[Path] = (),
    core: int | None = None,
    module: Sequence[str] = _MODULE,
    *,
    python: str = sys.executable,
    configuration: Path = CONFIGURATION,
) -> Iterator[tuple[int, Address]]:
    """Start the service in these control groups, or on this core; yield its process id and address when it listens.

    Another configuration than that of the project may name models in its own folder.
    """

    def confine() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})
        for group in groups:
            group.write_text(str(os.getpid()))

    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [python, "-m", *module, "--port", "0"],
            cwd=ROOT if configuration == CONFIGURATION else configuration.parent,
            env=os.environ | {"REST_CONFIG": str(configuration), "PYTHONPATH": str(ROOT)},
            stderr=log,
            preexec_fn=confine,
        )
        try:
            text = ""
            while not (found := re.search(r"running on http://127.0.0.1:(\d+)", text)):
                if process.poll() is not None:
                    sys.exit(text)
                time.sleep(0.05)
                log.seek(0)
                text = log.read()
            yield process.pid, ("127.0.0.1", int(found[1]))
        finally:
            process.kill()
            process.wait()


def until_ready(address: Address) -> None:
    """Wait until the service is ready; exit if it is not ready after two minutes or more."""
    url = "http://{}:{}/api/health/ready".format(*address)
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(1_200):
        try:
            directly.open(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit("The service does not become ready.")
