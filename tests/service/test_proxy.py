"""The service behind nginx, which keeps its connections to the service open, as most proxies do."""

import http.client
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import pytest

from benchmarks.load import PROBES
from tests.conftest import until
from tests.service import process
from tests.service.process import PREDICTION, Service, free_port

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light")

AROUND_THE_LIMIT = (0.99, 0.994, 0.996, 0.998, 1.0)  # seconds; the limit is the one at which nginx closes
BODY = json.dumps({"number": 7})
HEADERS = {"Content-Type": "application/json"}
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    keepalive_requests 1000000;
    upstream service {{
        {servers}
        keepalive 64;
        keepalive_timeout {keepalive_timeout};
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


@dataclass
class Proxy:
    port: int
    error_log: Path
    answered: int = 0
    lost: list[str] = field(default_factory=list)

    def until_answered(self, more: int) -> None:
        """Wait until this many more requests are answered."""
        number = self.answered + more
        until(lambda: self.answered >= number, f"{more} more answers")

    def ask(self, again: Callable[[], bool], idle_seconds: Sequence[float] = (0,)) -> None:
        """Ask for predictions on one connection to the proxy as long as `again` returns true.

        Clients that wait for the same times ask together, so that all connections behind the proxy are idle meanwhile.
        """
        idle = cycle(idle_seconds)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while again():
            connection.request("POST", PREDICTION, BODY, HEADERS)
            answer = connection.getresponse()
            if (answer.status, answer.read()) != (200, b'{"number":7.0}'):
                self.lost.append(str(answer.status))
            self.answered += 1
            time.sleep(next(idle))
        connection.close()


@contextmanager
def proxy(folder: Path, servers: Sequence[str], keepalive_timeout: str = "60s") -> Iterator[Proxy]:
    """Start nginx before these servers; yield it once it listens; end it."""
    assert NGINX is not None
    port = free_port()
    listed = "\n".join(f"server {server};" for server in servers)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, servers=listed, keepalive_timeout=keepalive_timeout, port=port)
    )
    command = [NGINX, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]
    with subprocess.Popen(command) as started:
        try:
            until(lambda: listens(port) or started.poll() is not None, "nginx listens")
            assert started.poll() is None, (folder / "error.log").read_text()
            yield Proxy(port, folder / "error.log")
        finally:
            started.terminate()


def listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()
    return True


def test_the_proxy_closes_idle_connections_before_the_service_does(tmp_path: Path) -> None:
    clients, times = 40, len(AROUND_THE_LIMIT)
    with ExitStack() as stack:
        service = stack.enter_context(process.ready(tmp_path, service={"keep_alive_seconds": 3}))
        nginx = stack.enter_context(proxy(tmp_path, [f"127.0.0.1:{service.address[1]}"], keepalive_timeout="1s"))

        def asking() -> None:
            rounds = iter(range(times))
            nginx.ask(lambda: next(rounds, None) is not None, AROUND_THE_LIMIT)

        threads = [threading.Thread(target=asking) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (nginx.answered, nginx.lost) == (clients * times, []), nginx.error_log.read_text()


@pytest.mark.parametrize(("clients", "idle_seconds"), [(8, (0,)), (50, AROUND_THE_LIMIT)], ids=["busy", "idle"])
def test_no_request_is_lost_in_a_rolling_restart(tmp_path: Path, clients: int, idle_seconds: Sequence[float]) -> None:
    names = ("old-1", "old-2", "new-1", "new-2")
    ports = {name: free_port() for name in names}

    with ExitStack() as stack:

        def start(name: str) -> Service:
            folder = tmp_path / name
            folder.mkdir()
            configuration = process.write_configuration(folder, service={"drain_seconds": 2, "keep_alive_seconds": 3})
            arguments = ["--port", str(ports[name])]
            service = stack.enter_context(process.running(folder, configuration, arguments=arguments))
            until(lambda: service.client.get(PROBES[1]).status_code == 200, "ready")
            return service

        old = [start("old-1"), start("old-2")]
        # nginx does not ask for readiness: it uses the new ones, which are ready then, when the old ones are gone.
        servers = [f"127.0.0.1:{port} max_fails=0{' backup' * name.startswith('new')}" for name, port in ports.items()]
        nginx = stack.enter_context(proxy(tmp_path, servers, keepalive_timeout="1s"))
        ending = threading.Event()
        threads = [
            threading.Thread(target=nginx.ask, args=[lambda: not ending.is_set(), idle_seconds]) for _ in range(clients)
        ]
        for thread in threads:
            thread.start()
        try:
            for service, name in zip(old, ["new-1", "new-2"], strict=True):
                nginx.until_answered(200)
                start(name)
                service.signal()
                assert service.process.wait(timeout=60) == 0
            nginx.until_answered(max(200, 1_000 - nginx.answered))
        finally:
            ending.set()
            for thread in threads:
                thread.join()

        assert nginx.answered >= 1_000
        assert nginx.lost == [], nginx.error_log.read_text()
