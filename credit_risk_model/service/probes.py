"""The answers of the three health routes, made from the truth table."""

import json

from credit_risk_model.service.state import TRUTH_TABLE, Row, State

HEALTH, READY, STARTUP = PROBES = ("/api/health", "/api/health/ready", "/api/health/startup")


def _answers(row: Row) -> dict[str, tuple[int, bytes]]:
    """Return status code and body for each path, as the framework's schemas name them."""
    words = {
        HEALTH: (row.health, "health_status", "HEALTHY", "NOT_HEALTHY"),
        READY: (row.ready, "readiness_status", "ACCEPTING_TRAFFIC", "REFUSING_TRAFFIC"),
        STARTUP: (row.startup, "startup_status", "STARTED", "NOT_STARTED"),
    }
    return {
        path: (code, json.dumps({key: yes if code == 200 else no}, separators=(",", ":")).encode())
        for path, (code, key, yes, no) in words.items()
    }


_ANSWERS: dict[State, dict[str, tuple[int, bytes]]] = {state: _answers(row) for state, row in TRUTH_TABLE.items()}


def answer(state: State, path: str) -> tuple[int, bytes]:
    """Return the status code and the body with which a probe is answered in this state."""
    return _ANSWERS[state][path]
