"""The private ground of uvicorn that the server uses; these tests fail when it changes."""

import inspect

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
