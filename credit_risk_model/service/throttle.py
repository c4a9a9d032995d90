"""Limits how many requests continue in one pass of the event loop, so that a probe does not wait for all of them."""

import asyncio
from collections import deque


class Throttle:
    """Lets at most `limit` requests continue in one pass of the event loop. The others wait, in their order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Return at once, or in a later pass of the event loop: of `limit` + 1 requests, at least one waits."""
        if self._left:
            self._left -= 1
            return
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._renew, loop)
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        await future

    def _renew(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let those continue that have waited for longest."""
        self._left = self._limit
        while self._waiting and self._left:
            future = self._waiting.popleft()
            if not future.done():  # a cancelled request does not wait any more
                future.set_result(None)
                self._left -= 1
        if self._waiting:
            loop.call_soon(self._renew, loop)
