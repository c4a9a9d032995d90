"""What the service says of itself in each state; the tests run this table, and the documentation shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    state: str
    health: int
    ready: int
    startup: int
    prediction: int
    retry_after: bool
    note: str


TABLE = [
    Row("loading", 200, 503, 503, 503, True, "however long the load takes, and before the routes exist"),
    Row("ready", 200, 200, 200, 200, False, ""),
    Row("load failed", 503, 503, 200, 503, False, "the log names the cause once, in full; the body not at all"),
    Row(
        "draining", 200, 503, 200, 200, False,
        "SIGTERM came; after `drain_seconds` the listener closes, and what is in flight has `finish_seconds` to end",
    ),
    Row("saturated", 200, 200, 200, 503, True, "only beyond the limit; the rest is answered as usual"),
]  # fmt: skip


def markdown() -> str:
    """Return the table for the documentation."""
    lines = ["| state | `/api/health` | `/api/health/ready` | `/api/health/startup` | prediction | note |"]
    lines.append("|---|---|---|---|---|---|")
    for row in TABLE:
        prediction = f"{row.prediction}{' + Retry-After' if row.retry_after else ''}"
        lines.append(f"| {row.state} | {row.health} | {row.ready} | {row.startup} | {prediction} | {row.note} |")
    return "\n".join(lines)
