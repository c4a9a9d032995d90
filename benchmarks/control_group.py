"""Limits of CPU and memory for a process, as Kubernetes sets them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000  # microseconds, as Kubernetes sets it


@contextmanager
def control_group(cores: float | None, memory: int | None = None) -> Iterator[list[Path]]:
    """Create a control group (version 1 or 2) with limits of `cores` and of `memory` in bytes.

    Yield the files to which a process writes its id to join.

    Raises:
        OSError: the user is not root, and no part of the tree is delegated to the user.
    """
    quota = None if cores is None else round(cores * _PERIOD)
    if (_ROOT / "cgroup.controllers").exists():
        group = _parent() / f"benchmark-{os.getpid()}"
        settings = {group: {"cpu.max": quota and f"{quota} {_PERIOD}", "memory.max": memory}}
    else:
        cpu, of_memory = (_ROOT / controller / f"benchmark-{os.getpid()}" for controller in ("cpu", "memory"))
        settings = {
            cpu: {"cpu.cfs_period_us": _PERIOD, "cpu.cfs_quota_us": quota},
            of_memory: {"memory.limit_in_bytes": memory},
        }
    made = []
    try:
        for group, files in settings.items():
            group.mkdir()
            made.append(group)
            for name, value in files.items():
                if value is not None:
                    (group / name).write_text(str(value))
        yield [group / "cgroup.procs" for group in made]
    finally:
        for group in made:
            group.rmdir()


def _parent() -> Path:
    """Return the parent of the new group: the root of the tree for root, otherwise the parent of our own group."""
    if os.geteuid() == 0:
        return _ROOT
    own = Path("/proc/self/cgroup").read_text().strip().rpartition("::")[2]
    return (_ROOT / own.lstrip("/")).parent
