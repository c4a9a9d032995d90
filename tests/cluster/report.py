"""The results of the scenarios: one row for each, their table, and the record for docs/operations.md."""

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import results
from tests.cluster.cluster import Cluster, Load

RECORD = "cluster"


@dataclass
class Row:
    """The result of a scenario."""

    name: str
    seconds: list[float]
    requests: int = 0
    refused: int = 0
    lost: int = 0
    restarts: int = 0
    is_fault: bool = False
    """Whether a process is broken on purpose: it loses its requests, and is restarted once."""

    @property
    def holds(self) -> bool:
        return self.restarts == 1 if self.is_fault else not (self.lost or self.restarts)


def counted(name: str, seconds: list[float], load: Load, is_fault: bool = False) -> Row:
    requests, answered, refused = load.counts.total(), load.counts["200"], load.counts["503"]
    return Row(name, seconds, requests, refused, requests - answered - refused, is_fault=is_fault)


def table(rows: list[Row]) -> str:
    lines = ["| scenario | seconds | requests | refused | lost | restarts | |", "|---|---:|---:|---:|---:|---:|---|"]
    for each in rows:
        seconds = ", ".join(f"{number:.1f}" for number in each.seconds)
        figures = f"{seconds} | {each.requests} | {each.refused} | {each.lost} | {each.restarts}"
        lines.append(f"| {each.name} | {figures} | {'' if each.holds else 'FAILED'} |")
    return "\n".join(lines)


def record(cluster: Cluster, rows: dict[str, list[Row]]) -> None:
    """Write the results of a run for each CPU limit, and which cluster it was."""
    cases = {limit: [asdict(each) for each in merged(found)] for limit, found in rows.items()}
    nodes = len(cluster.kubectl("get", "nodes", "--output=name").split())
    results.write(RECORD, {"kubernetes": cluster.version(), "nodes": nodes, "rows": cases})


def merged(rows: list[Row]) -> list[Row]:
    """Return one row for each scenario: its longest seconds, and the sums of its runs."""
    by_name: dict[str, list[Row]] = {}
    for each in rows:
        by_name.setdefault(each.name, []).append(each)
    return [_merged(name, found) for name, found in by_name.items()]


def _merged(name: str, rows: list[Row]) -> Row:
    sums: dict[str, Any] = {
        field: sum(getattr(each, field) for each in rows) for field in ("requests", "refused", "lost", "restarts")
    }
    seconds = [max(stages) for stages in zip(*(each.seconds for each in rows), strict=True)]
    times = f" ({len(rows)} times)" if len(rows) > 1 else ""
    return Row(name + times, seconds, **sums, is_fault=rows[0].is_fault)
