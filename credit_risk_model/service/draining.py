"""The first layer: after SIGTERM, each answer closes its connection, so that clients go elsewhere."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from credit_risk_model.service.responses import CLOSE
from credit_risk_model.service.state import Status


class CloseWhileDraining:
    """Adds `Connection: close` to each answer while the service terminates and drains."""

    def __init__(self, app: ASGIApp, status: Status) -> None:
        self._app = app
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def closing(message: Message) -> None:
            if self._status.terminating and message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], CLOSE]}
            await send(message)

        await self._app(scope, receive, closing)
