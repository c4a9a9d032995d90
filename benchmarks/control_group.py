"""Limits of CPU and memory for a process, as Kubernetes sets them."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000  # microseconds, as Kubernetes sets it


@contextmanager
def control_group(cores: float | None, memory: int | None = None) -> Iterator[list[Path]]:
    """Create a control group (version 1 or 2) with limits of `cores` and of `memory` in bytes; exit where none can be.

    Yield the files to which a process writes its id to join.
    """
    name = f"benchmark-{os.getpid()}"
    quota = None if cores is None else round(cores * _PERIOD)
    settings: dict[Path, dict[str, object]]
    if (_ROOT / "cgroup.controllers").exists():
        settings = {_parent() / name: {"cpu.max": quota and f"{quota} {_PERIOD}", "memory.max": memory}}
    else:
        settings = {
            _ROOT / "cpu" / name: {"cpu.cfs_period_us": _PERIOD, "cpu.cfs_quota_us": quota},
            _ROOT / "memory" / name: {"memory.limit_in_bytes": memory},
        }
    with ExitStack() as stack:
        try:
            for group, files in settings.items():
                group.mkdir()
                stack.callback(group.rmdir)
                for file, value in files.items():
                    if value is not None:
                        (group / file).write_text(str(value))
        except OSError as error:
            sys.exit(
                f"Cannot measure here. A control group cannot be created ({error}), which needs Linux and root, or "
                "control groups that are delegated to you. Only `make measure` of this project can use a container "
                "engine instead, after `make image`."
            )
        yield [group / "cgroup.procs" for group in settings]


def _parent() -> Path:
    """Return the parent of the new group: the root of the tree for root, otherwise the parent of our own group."""
    if os.geteuid() == 0:
        return _ROOT
    own = Path("/proc/self/cgroup").read_text().strip().rpartition("::")[2]
    return (_ROOT / own.lstrip("/")).parent
