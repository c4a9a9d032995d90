"""The start and the end of the application, as a server tells them: the models load, the predictions are checked."""

import asyncio
import threading
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

_CHECK_SECONDS = 0.25


class Lifespan:
    """Runs `load` in a thread once the server has started, and `check` four times a second until it stops."""

    def __init__(self, app: ASGIApp, load: Callable[[], None], check: Callable[[], None]) -> None:
        self._app = app
        self._load = load
        self._check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or what the server says of its lifespan; there are no other connections."""
        if scope["type"] == "http":
            await self._app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await receive()
            threading.Thread(target=self._load, name="load", daemon=True).start()
            checking = asyncio.create_task(self._check_again_and_again())
            await send({"type": "lifespan.startup.complete"})
            await receive()
            checking.cancel()
            await send({"type": "lifespan.shutdown.complete"})

    async def _check_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            self._check()
