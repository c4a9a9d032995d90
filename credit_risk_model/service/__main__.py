"""The command: serve, check the configuration, or write the contract."""

import os
import signal

if __name__ == "__main__":
    # Before the long imports: the first process of a container ignores a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))

import argparse
import errno
import faulthandler
import logging
import socket
import sys
from pathlib import Path

import yaml
from prometheus_client import Counter

from credit_risk_model.service import configuration as configurations
from credit_risk_model.service import contract, framework, logs, tracing
from credit_risk_model.service.application import create_app
from credit_risk_model.service.configuration import Configuration, ConfigurationError
from credit_risk_model.service.connections import ConnectionLimits, Connections
from credit_risk_model.service.metrics import Metrics
from credit_risk_model.service.server import Server, listen
from credit_risk_model.service.state import Status

logger = logging.getLogger(__name__)
_DESCRIPTION = "Serve the models of a configuration: the file that REST_CONFIG names, or ./rest_config.yaml."
_ADVICE = " Another port may be free: --port 8001, or make serve PORT=8001"
_TAKEN = (errno.EADDRINUSE, errno.EACCES)


def main() -> None:
    """Do what the arguments say with the configuration that REST_CONFIG names."""
    _open_standard_streams()
    sys.path.insert(0, "")  # for models in the current folder, as with `python -m`
    parser = argparse.ArgumentParser("model-service", description=_DESCRIPTION)
    parser.add_argument("--host", default="127.0.0.1", help="address (%(default)s); * for all, IPv4 and IPv6")
    parser.add_argument("--port", type=int, default=8000, help="port (%(default)s); 0 for a free one")
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    parser.add_argument("--contract", type=Path, metavar="FILE", help="write the contract and exit")
    arguments = parser.parse_args()
    try:
        configuration = configurations.from_environment()
    except ConfigurationError as error:
        sys.exit(str(error))
    warnings = configurations.unknown_variables(os.environ)
    if arguments.check:
        print(*warnings, sep="\n", end="\n" * bool(warnings), file=sys.stderr)
        count = len(configuration.models)
        print(f"{configurations.path()}: valid, {count} model{'s' if count > 1 else ''}")
    elif arguments.contract:
        arguments.contract.write_text(_contract(configuration))
    else:
        _serve(configuration, arguments.host, arguments.port)


def _open_standard_streams() -> None:
    """Open the standard streams that are closed: a socket must not get their numbers, or uvloop aborts at its close."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    if sys.stderr is None:
        sys.stderr = open(2, "w")  # noqa: SIM115  # by its number, and until the end


def _contract(configuration: Configuration) -> str:
    application = framework.create_framework(configuration)
    models = list(framework.load_models(application, configuration))
    return yaml.dump(contract.complete(application, models))


def _serve(configuration: Configuration, host: str, port: int) -> None:
    listeners = [_listen(host, port, _ADVICE)]
    if metrics_port := configuration.service.metrics_port:
        listeners.append(_listen(host, metrics_port, " The setting metrics_port names this port."))
    faulthandler.enable()  # a crash in native code writes a stack trace
    settings = configuration.service
    status = Status()
    metrics = Metrics(status)
    try:
        app = create_app(configuration, status, metrics)
    except ConfigurationError as error:
        sys.exit(str(error))
    limits = ConnectionLimits(receive_seconds=settings.receive_seconds, buffer_bytes=settings.buffer_limit)
    connections = Connections(limits, metrics.registry)
    if configuration.logging is None:
        logs.configure(settings.log_format, tracing.TraceIds() if tracing.is_configured() else None)
    dropped = Counter("log_lines_dropped", "Log lines dropped because nobody read them.", registry=metrics.registry)
    handlers = logs.buffer_handlers(dropped.inc)
    for warning in configurations.unknown_variables(os.environ):
        logger.warning(warning)
    shown = f"[{host}]" if ":" in host else host
    logger.info("Service running on http://%s:%d (Ctrl-C stops)", shown, listeners[0].getsockname()[1])
    if metrics_port:
        logger.info("Metrics on http://%s:%d/metrics", shown, metrics_port)
    Server(app, settings, status, connections).run(sockets=listeners)
    logger.info("Stopped.")
    for handler in handlers:
        handler.finish(1)
    os._exit(1 if status.load_failed or status.is_stalled() else 0)  # a thread that loads or predicts may never return


def _listen(host: str, port: int, advice: str) -> socket.socket:
    try:
        return listen(host, port)
    except (OSError, OverflowError) as error:
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0].rstrip(".")
        sys.exit(f"Cannot listen on {host}:{port}: {reason}.{advice if getattr(error, 'errno', 0) in _TAKEN else ''}")


if __name__ == "__main__":
    main()
