"""The first layer: removes the root path, and closes connections while the service drains."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from credit_risk_model.service.responses import CLOSE
from credit_risk_model.service.state import Status


class Entrance:
    """Removes `root_path` from the path of a request."""

    def __init__(self, app: ASGIApp, status: Status, root_path: str) -> None:
        self._app = app
        self._status = status
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        scope.setdefault("state", {})
        if self._root_path and f"{scope['path']}/".startswith(f"{self._root_path}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self._root_path) or "/"}
        if self._status.draining:
            send = _closing(send)
        await self._app(scope, receive, send)


def _closing(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], CLOSE]}
        await send(message)

    return sending
