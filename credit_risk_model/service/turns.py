"""Turns for predictions, so that a pass of the event loop stays short and probes come in between."""

import asyncio
from collections import deque

_IN_ONE_PASS = 8


class Turns:
    """Lets so many go on in one pass of the event loop; the others follow in the next ones, first come first served."""

    def __init__(self) -> None:
        self._left = _IN_ONE_PASS
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._renews = False

    async def take(self) -> None:
        """Wait for a turn; with few others about, it is there at once."""
        loop = asyncio.get_running_loop()
        if not self._renews:
            self._renews = True
            loop.call_soon(self._renew, loop)
        if self._left and not self._waiting:
            self._left -= 1
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _renew(self, loop: asyncio.AbstractEventLoop) -> None:
        self._left = _IN_ONE_PASS
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():  # who has waited is cancelled where a shutdown lasted too long
                turn.set_result(None)
                self._left -= 1
        self._renews = self._left < _IN_ONE_PASS
        if self._renews:
            loop.call_soon(self._renew, loop)
