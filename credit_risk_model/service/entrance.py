"""What every request passes first: the root path, HEAD, and the end of kept connections while the service drains."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from credit_risk_model.service.responses import CLOSE
from credit_risk_model.service.state import Status


class Entrance:
    """Passes HTTP requests on with paths that do not have `root_path`."""

    def __init__(self, app: ASGIApp, status: Status, root_path: str) -> None:
        self._app = app
        self._status = status
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        scope.setdefault("state", {})
        if self._root_path and f"{scope['path']}/".startswith(f"{self._root_path}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self._root_path) or "/"}
        if scope["method"] == "HEAD":
            send = _without_body(send)
        if self._status.draining:
            send = _closing(send)
        await self._app(scope, receive, send)


def _without_body(send: Send) -> Send:
    async def sending(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sending


def _closing(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], CLOSE]}
        await send(message)

    return sending
