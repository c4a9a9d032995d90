"""The log: one format for every line, with the id of the request in each."""

import logging

from asgi_correlation_id import CorrelationIdFilter
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

_TEXT = "%(asctime)s %(levelname)-7s [%(correlation_id)s] %(message)s"
_JSON = "%(asctime)s %(levelname)s %(name)s %(message)s %(correlation_id)s"
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "correlation_id": "request_id"}


def configure(log_format: str) -> None:
    """Log to standard error, as `text` or as `json`."""
    as_json = JsonFormatter(_JSON, rename_fields=_NAMES, reserved_attrs=[*RESERVED_ATTRS, "color_message"])
    handler = logging.StreamHandler()
    handler.addFilter(CorrelationIdFilter(default_value="-"))
    handler.setFormatter(as_json if log_format == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level="INFO", handlers=[handler])
    # Each model has a line of ours; of the framework, what went wrong is enough. A replaced id is no event.
    logging.getLogger("rest_model_service").setLevel("WARNING")
    logging.getLogger("asgi_correlation_id").setLevel("ERROR")
