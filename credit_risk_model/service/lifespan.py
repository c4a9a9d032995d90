"""The ASGI lifespan: starts the load of the models, and checks the predictions regularly."""

import asyncio
import logging
import threading
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)
_CHECK_SECONDS = 0.25


class Lifespan:
    """Runs `load` in a thread once the server has started, `check` four times a second, and `finish` at the end."""

    def __init__(
        self,
        app: ASGIApp,
        load: Callable[[], None],
        check: Callable[[], None],
        finish: Callable[[], None] | None = None,
    ) -> None:
        self._app = app
        self._load = load
        self._check = check
        self._finish = finish

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await receive()
            threading.Thread(target=self._load, name="load", daemon=True).start()
            checking = asyncio.create_task(self._check_repeatedly())
            await send({"type": "lifespan.startup.complete"})
            await receive()
            checking.cancel()
            if self._finish:
                self._finish()
            await send({"type": "lifespan.shutdown.complete"})

    async def _check_repeatedly(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            try:
                self._check()
            except Exception:
                logger.exception("The check of the predictions failed.")
