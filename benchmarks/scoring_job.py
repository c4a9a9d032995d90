"""Scores a large Parquet file with each engine under the limits of the Job; records the time and the peak memory.

The loans are synthetic. This needs a container engine and the image of `make scoring-image`.
"""

import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import results
from benchmarks.measure import docker, mebibytes, pod
from credit_risk_model.training import synthetic

MANIFEST = results.ROOT / "kubernetes" / "jobs" / "score.yaml"
ROWS = int(os.environ.get("ROWS", "5000000"))
ROW_GROUP = 2**20  # rows, the default of pyarrow
RESTRICTED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none")
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


def memory() -> int:
    """Return the limit of the Job in mebibytes."""
    return mebibytes(_container()["resources"]["limits"]["memory"])


def score(folder: Path, engine: str, *arguments: str) -> Scored:
    """Score `loans.parquet` in the folder like the Job, but with this engine and further arguments."""
    folder.chmod(0o777)  # the container has a user of its own
    program, options = ENGINES[engine]
    limits = [f"--memory={memory()}m", f"--memory-swap={memory()}m", "--tmpfs=/tmp:size=256m,mode=1777"]
    entrypoint = [f"--entrypoint={program[0]}"] if program else []
    volume = f"--volume={folder}:/loans"
    container = docker(
        "create", *RESTRICTED, *limits, *entrypoint, volume, _container()["image"], *program[1:],
        *_container()["args"], *options, *arguments,
    )  # fmt: skip
    try:
        start, peak = time.monotonic(), 0
        docker("start", container)
        while docker("inspect", "--format={{.State.Running}}", container) == "true":
            peak = max(peak, _bytes(container))
            time.sleep(1)
        seconds = time.monotonic() - start
        code = int(docker("inspect", "--format={{.State.ExitCode}}", container))
        return Scored(code, docker("logs", container, check=False), seconds, round(peak / 2**20))
    finally:
        docker("rm", "--force", container)


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
        if scored.peak_mebibytes >= memory():
            sys.exit(f"{engine} took {scored.peak_mebibytes} MiB; the limit is {memory()}.")
    results.write("scoring_job", {"rows": ROWS, "limit in MiB": memory(), "engines": engines})


def _container() -> dict[str, Any]:
    [container] = pod(MANIFEST)["containers"]
    return cast(dict[str, Any], container)


def _bytes(container: str) -> int:
    """Return the memory that the container uses now (control groups version 1 or 2), or 0 if it has just ended."""
    files = "/sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory/memory.stat"
    shown = docker("exec", container, "sh", "-c", f"cat {files} 2>/dev/null", check=False)
    found = re.search(r"^(?:anon|total_rss) (\d+)$", shown, re.MULTILINE)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
