"""A plain ASGI application behind uvicorn with our protocol, as a process for the tests of the protocol.

Its argument is JSON: `loop`, `limits` and, where the process shall have a limit of its own, `files`.
"""

import asyncio
import gc
import json
import logging
import re
import resource
import socket
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry

from credit_risk_model.service.connections import ConnectionLimits, Connections
from credit_risk_model.service.protocol import LimitedProtocol

LIMITS = {"receive_seconds": 30.0, "buffer_bytes": 64 * 2**20}
METRICS = {
    "open": "connections_open",
    "closed_for_room": "connections_closed_for_room_total",
    "not_reading": "connections_not_reading_total",
    "timed_out": "requests_timed_out_total",
    "malformed": "requests_malformed_total",
    "freed": "requests_freed_total",
}


class Application:
    """Routes that read, wait, and answer early or at length."""

    def __init__(self, connections: Connections, registry: CollectorRegistry) -> None:
        self.connections = connections
        self.registry = registry
        self.gate = asyncio.Event()
        self.disconnects = 0
        self.messages: list[str] = []
        self.polls = 0
        self.waiting = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer = getattr(self, scope["path"].strip("/"))
        await answer(scope, receive, send)

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        body = await self.read(receive)
        if body is not None:
            headers = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
            facts = {name: scope[name] for name in ("method", "path", "http_version", "client")}
            await self.send(send, facts | {"headers": headers, "body": body.decode("latin-1")})

    async def wait(self, scope: Any, receive: Any, send: Any) -> None:
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        await self.send(send, {})

    async def open(self, scope: Any, receive: Any, send: Any) -> None:
        self.gate.set()
        await self.send(send, {})
        self.gate = asyncio.Event()

    async def ignore(self, scope: Any, receive: Any, send: Any) -> None:
        await self.send(send, {})

    async def begin(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await self.read(receive)
        await send({"type": "http.response.body", "body": b"ended"})

    async def insist(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer even if the client has left, and keep the types of the messages."""
        self.messages = []
        more = True
        while more:
            message = await receive()
            self.messages.append(message["type"])
            more = message.get("more_body", False)
        await self.send(send, {})

    async def listen(self, scope: Any, receive: Any, send: Any) -> None:
        """Ask again and again whether the client has left."""
        await self.read(receive)
        message = None
        while message is None:
            self.polls += 1
            with suppress(TimeoutError):
                message = await asyncio.wait_for(receive(), 0.005)

    async def large(self, scope: Any, receive: Any, send: Any) -> None:
        await self.send(send, "x" * 1_000_000)

    async def huge(self, scope: Any, receive: Any, send: Any) -> None:
        await self.send(send, "x" * 10_000_000)

    async def state(self, scope: Any, receive: Any, send: Any) -> None:
        shared = self.connections
        facts = {name: getattr(shared, name) for name in ("buffered", "maximum")}
        facts |= {name: self.registry.get_sample_value(metric) for name, metric in METRICS.items()}
        facts["peak"] = peak_memory()
        facts["in_memory"] = sum(isinstance(each, LimitedProtocol) for each in gc.get_objects())
        facts |= {name: getattr(self, name) for name in ("disconnects", "messages", "polls", "waiting")}
        await self.send(send, facts)

    async def read(self, receive: Any) -> bytes | None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnects += 1
                return None
            body += message["body"]
            if not message["more_body"]:
                return bytes(body)

    async def send(self, send: Any, content: Any) -> None:
        body = json.dumps(content).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


def peak_memory() -> int:
    """Return the most bytes that this process has ever used."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux passes ru_maxrss on from the process that started this one.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak) * 1024


def main(options: dict[str, Any]) -> None:
    if "files" in options:
        resource.setrlimit(resource.RLIMIT_NOFILE, (options["files"], options["files"]))
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    registry = CollectorRegistry()
    connections = Connections(ConnectionLimits(**LIMITS | options["limits"]), registry)
    config = uvicorn.Config(
        Application(connections, registry),
        http=partial(LimitedProtocol, connections),  # type: ignore[arg-type]  # uvicorn only calls it
        loop=options["loop"],
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_keep_alive=3600,
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"listening on {listener.getsockname()[1]}.", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
