"""Scores a large Parquet file of synthetic loans with each engine under the limits of the Job, in containers.

`make scoring-benchmark` records the time and the peak memory.
"""

import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import results
from benchmarks.measure import limit, pod
from credit_risk_model.training import synthetic
from tests.deployment.containers import RESTRICTED, Container, created, docker
from tests.deployment.manifests import KUBERNETES

POD = pod(KUBERNETES / "jobs" / "score.yaml")
[CONTAINER] = POD["containers"]
MEBIBYTES = limit(POD)
ROWS = int(os.environ.get("ROWS", "5000000"))
ROW_GROUP = 2**20  # rows, the default of pyarrow
_CLUSTER = (
    "python -m distributed.cli.dask_scheduler --host 127.0.0.1 --no-dashboard &"
    "python -m distributed.cli.dask_worker tcp://127.0.0.1:8786 --host 127.0.0.1 --no-dashboard --no-nanny "
    "--nthreads 1 --memory-limit 1000MiB --local-directory /tmp & "
    'exec python -m credit_risk_model.scoring "$@"'
)
ENGINES = {
    "local": ((), ()),
    "dask": ((), ("--engine=dask",)),
    "dask, with --scheduler and one worker": (
        ("sh", "-c", _CLUSTER, "sh"),
        ("--engine=dask", "--scheduler=tcp://127.0.0.1:8786"),
    ),
}
"""For each engine: the program that replaces the entrypoint, and further arguments after those of the Job."""


@dataclass(frozen=True)
class Scored:
    """A finished run in a container."""

    exit_code: int
    log: str
    seconds: float
    peak_mebibytes: int
    """The peak memory of all processes together, without cached pages of files; sampled every second."""


def write(path: Path, rows: int, row_group: int = ROW_GROUP) -> None:
    """Write synthetic loans to Parquet: 100,000 different ones, repeated."""
    loans = pa.Table.from_pandas(synthetic.loans(min(rows, 100_000)), preserve_index=False)
    repeated = pa.concat_tables([loans] * -(-rows // len(loans))).slice(0, rows)
    pq.write_table(repeated, path, row_group_size=row_group)


def score(folder: Path, engine: str, *arguments: str) -> Scored:
    """Score `loans.parquet` in the folder like the Job, but with this engine and further arguments."""
    folder.chmod(0o777)  # the container has a user of its own
    program, options = ENGINES[engine]
    limits = (f"--memory={MEBIBYTES}m", f"--memory-swap={MEBIBYTES}m", "--tmpfs=/tmp:size=256m,mode=1777")
    entrypoint = [f"--entrypoint={program[0]}"] if program else []
    command = (*program[1:], *CONTAINER["args"], *options, *arguments)
    with created(
        *RESTRICTED,
        "--network=none",
        *limits,
        *entrypoint,
        f"--volume={folder}:/loans",
        image=CONTAINER["image"],
        command=command,
    ) as container:
        start, peak = time.monotonic(), 0
        container.start()
        while (code := container.exit_code()) is None:
            peak = max(peak, _bytes(container))
            time.sleep(1)
        return Scored(code, container.log, time.monotonic() - start, round(peak / 2**20))


def _bytes(container: Container) -> int:
    """Return the memory that the container uses now (control groups version 1 or 2), or 0 if it has just ended."""
    files = "/sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory/memory.stat"
    shown = docker("exec", container.id, "sh", "-c", f"cat {files} 2>/dev/null", check=False)
    found = re.search(r"^(?:anon|total_rss) (\d+)$", shown, re.MULTILINE)
    return int(found[1]) if found else 0


def main() -> None:
    """Measure, print and record; exit with 1 if an engine does not score the whole file within the limit."""
    engines = {}
    for engine in ENGINES:
        with tempfile.TemporaryDirectory() as name:
            write(Path(name) / "loans.parquet", ROWS)
            scored = score(Path(name), engine)
        if scored.exit_code:
            sys.exit(f"{engine} ended with {scored.exit_code}:\n{scored.log}")
        engines[engine] = {"seconds": round(scored.seconds), "peak memory in MiB": scored.peak_mebibytes}
        print(f"{engine}: {engines[engine]}", flush=True)
        if scored.peak_mebibytes >= MEBIBYTES:
            sys.exit(f"{engine} took {scored.peak_mebibytes} MiB; the limit is {MEBIBYTES}.")
    results.write("scoring_job", {"rows": ROWS, "limit in MiB": MEBIBYTES, "engines": engines})


if __name__ == "__main__":
    main()
