"""The three health routes, answered from the truth table."""

import json

from starlette.types import ASGIApp, Receive, Scope, Send

from credit_risk_model.service import methods
from credit_risk_model.service.responses import respond
from credit_risk_model.service.state import TRUTH_TABLE, Row, State, Status

HEALTH, READY, STARTUP = PROBES = ("/api/health", "/api/health/ready", "/api/health/startup")


def _answers(row: Row) -> dict[str, tuple[int, bytes]]:
    """Return status and body of each probe, in the words of the framework's schemas."""
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


class Probes:
    """Answers the health routes, whatever else the service does."""

    def __init__(self, app: ASGIApp, status: Status) -> None:
        self._app = app
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a probe, or pass the request on."""
        path = scope["path"]
        if path not in PROBES:
            await self._app(scope, receive, send)
            return
        scope["state"]["quiet"] = True
        if await methods.allowed(scope, send, methods.READ):
            code, body = _ANSWERS[self._status.state][path]
            await respond(send, code, body)
