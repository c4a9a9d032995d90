"""Counts the calls of functions, in Python and in C, that a prediction takes in the composed application.

Unlike a clock, the count is exact: the same code gives the same one on every machine. The event loop and the way to a
thread, where the calls depend on who comes first, are left out.
"""

import asyncio
import statistics
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from credit_risk_model.service import configuration, logs
from credit_risk_model.service.application import create_app
from credit_risk_model.service.state import Status

_LEFT_OUT = ("/asyncio/", "/concurrent/", "/threading.py", "/queue.py")
_REQUESTS = 21


class Calls:
    """A profiler that counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Count one event."""
        if event in ("call", "c_call") and not any(part in frame.f_code.co_filename for part in _LEFT_OUT):
            self.count += 1


async def of_each(path: Path, prediction: str, body: bytes, calls: Calls) -> list[int]:
    status = Status()
    application = create_app(configuration.read(path, {}), status)
    started = iter([{"type": "lifespan.startup"}])

    async def lifespan() -> Any:
        return next(started, None) or await asyncio.Event().wait()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200, message

    async def serve() -> None:
        await application({"type": "lifespan"}, lifespan, send)

    serving = asyncio.create_task(serve())
    while not status.loaded:
        assert not status.load_failed
        await asyncio.sleep(0.01)
    found = []
    for _ in range(_REQUESTS):
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        scope = {"type": "http", "method": "POST", "path": prediction, "raw_path": b"/", "headers": headers}
        calls.count = 0
        sys.setprofile(calls)
        await application(scope, receive, send)
        sys.setprofile(None)
        found.append(calls.count)
    serving.cancel()
    return found


def main(path: Path, prediction: str, body: str) -> None:
    logs.configure("text")
    calls = Calls()
    threading.setprofile(calls)  # of the threads that predict, which are made later
    print(statistics.mode(asyncio.run(of_each(path, prediction, body.encode(), calls))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
