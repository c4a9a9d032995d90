"""The three probes: what they mean, and their answers, which are made from the truth table."""

import json
from dataclasses import dataclass

from credit_risk_model.service.state import TRUTH_TABLE, Row, State


@dataclass(frozen=True)
class Probe:
    """One health route."""

    name: str
    column: str
    """The field of `Row` that has its status codes."""
    meaning: str
    key: str
    """The key of its answer, and below the words for 200 and 503, as the framework's schemas name them."""
    good: str
    bad: str

    def status(self, row: Row) -> int:
        return int(getattr(row, self.column))

    def answer(self, row: Row) -> tuple[int, bytes]:
        status = self.status(row)
        content = {self.key: self.good if status == 200 else self.bad}
        return status, json.dumps(content, separators=(",", ":")).encode()


PROBES = {
    "/api/health": Probe(
        "Liveness", "health", "Whether the process is alive: 503 asks for a restart.",
        "health_status", "HEALTHY", "NOT_HEALTHY",
    ),
    "/api/health/ready": Probe(
        "Readiness", "ready", "Whether to send requests to the service now.",
        "readiness_status", "ACCEPTING_TRAFFIC", "REFUSING_TRAFFIC",
    ),
    "/api/health/startup": Probe(
        "Startup", "startup", "Whether loading has ended, successfully or not.",
        "startup_status", "STARTED", "NOT_STARTED",
    ),
}  # fmt: skip

ANSWERS: dict[tuple[str, State], tuple[int, bytes]] = {
    (path, state): probe.answer(row) for path, probe in PROBES.items() for state, row in TRUTH_TABLE.items()
}
"""The status code and the body of each probe in each state."""
