"""The command: serve, check the configuration, or write the contract."""

import os
import signal

# Before the long imports: the first process of a container ignores a signal that it does not handle.
if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))

import argparse
import logging
import sys
from pathlib import Path

import yaml

from credit_risk_model.service import configuration as configurations
from credit_risk_model.service import logs
from credit_risk_model.service.application import Application
from credit_risk_model.service.server import Server
from credit_risk_model.service.threads import SWITCH_SECONDS


def main() -> None:
    """Do what the arguments say with the configuration that REST_CONFIG names."""
    parser = argparse.ArgumentParser("python -m credit_risk_model.service", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--check", action="store_true", help="check the configuration and end")
    parser.add_argument("--contract", type=Path, metavar="FILE", help="write the contract and end")
    arguments = parser.parse_args()
    path = Path(os.environ.get("REST_CONFIG", "rest_config.yaml"))
    try:
        configuration = configurations.read(path, os.environ)
    except configurations.ConfigurationError as error:
        sys.exit(str(error))
    if arguments.check:
        print(f"{path}: a service can be made of it, with {len(configuration.models)} model(s).")
        return
    if configuration.logging is None:
        logs.configure(configuration.service.log_format)
    application = Application(configuration, wait=bool(arguments.contract))
    if arguments.contract:
        arguments.contract.write_text(yaml.dump(application.framework.openapi()))
        return
    settings = configuration.service
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        Server(application, settings.drain_seconds, settings.finish_seconds).listen(arguments.host, arguments.port)
    except (OSError, OverflowError) as error:
        logging.error("Cannot listen on %s:%d: %s.", arguments.host, arguments.port, error)
        os._exit(1)
    logging.shutdown()
    os._exit(0)  # a thread that loads or predicts may never end, and its time is over


if __name__ == "__main__":
    main()
