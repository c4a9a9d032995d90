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


@contextmanager
def serving(
    groups: Sequence[Path] = (), core: int | None = None, module: Sequence[str] = ("credit_risk_model.service",)
) -> Iterator[tuple[int, Address]]:
    """Start the service in these control groups, or on this core; yield its process id and address when it listens."""

    def confine() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})
        for group in groups:
            group.write_text(str(os.getpid()))

    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module, "--port", "0"],
            cwd=ROOT,
            env=os.environ | {"REST_CONFIG": "configuration/rest_configuration.yaml"},
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
