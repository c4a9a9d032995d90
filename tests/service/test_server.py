"""The private ground of uvicorn that the server uses, whose tests fail when it changes, and the listener."""

import inspect
import socket
import sys

import pytest
import uvicorn

from credit_risk_model.service import server


def test_uvicorn_makes_its_protocol_as_the_server_does() -> None:
    startup = inspect.getsource(uvicorn.Server.startup)

    assert "return config.http_protocol_class(" in startup
    assert "app_state=self.lifespan.state" in startup
    assert "self.servers.append(server)" in startup


def test_uvicorn_asks_the_server_to_handle_signals_and_to_shut_down() -> None:
    assert "with self.capture_signals():" in inspect.getsource(uvicorn.Server.serve)
    assert "await self.shutdown(sockets=sockets)" in inspect.getsource(uvicorn.Server)
    assert {"capture_signals", "handle_exit", "shutdown"} <= vars(server.Server).keys()


@pytest.mark.skipif(sys.platform != "linux", reason="a refinement for Linux")
def test_the_socket_filter_drops_new_handshakes_and_nothing_of_those_that_have_begun() -> None:
    with server.listen("127.0.0.1", 0) as listener, socket.socket() as before, socket.socket() as after:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)  # the handshake ends with the first bytes
        before.connect(listener.getsockname())
        server.drop_new_connections(listener)
        after.settimeout(0.3)

        with pytest.raises(TimeoutError):
            after.connect(listener.getsockname())
        before.sendall(b"first")
        listener.settimeout(30)
        with listener.accept()[0] as accepted:
            assert accepted.recv(64) == b"first"
            before.sendall(b"continues")
            accepted.settimeout(30)
            assert accepted.recv(64) == b"continues"


@pytest.mark.skipif(sys.platform != "linux", reason="a refinement for Linux")
def test_the_drain_works_without_the_socket_filter() -> None:
    """A locked filter is refused with "operation not permitted", as some kernels do without `NET_ADMIN`."""
    with server.listen("127.0.0.1", 0) as listener:
        listener.setsockopt(socket.SOL_SOCKET, 44, 1)  # SO_LOCK_FILTER
        server.drop_new_connections(listener)

        with socket.socket() as client:
            client.settimeout(30)
            client.connect(listener.getsockname())
