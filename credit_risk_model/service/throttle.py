"""Limits how many requests continue in one pass of the event loop, so that a probe does not wait for all of them."""

import asyncio
from collections import deque


class Throttle:
    """Lets `limit` requests continue in each pass of the event loop. The others wait, in their order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._renewing = False

    async def wait(self) -> None:
        """Return in this pass if fewer than `limit` requests have continued in it, or in a later one."""
        loop = asyncio.get_running_loop()
        if not self._renewing:
            self._renewing = True
            loop.call_soon(self._renew)
        if self._left:
            self._left -= 1
            return
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        await future

    def _renew(self) -> None:
        """Start a new pass, and let those who have waited for longest continue in it."""
        self._left = self._limit
        while self._waiting and self._left:
            future = self._waiting.popleft()
            if not future.done():  # a cancelled request does not wait any more
                future.set_result(None)
                self._left -= 1
        self._renewing = self._left < self._limit
        if self._renewing:
            asyncio.get_running_loop().call_soon(self._renew)
