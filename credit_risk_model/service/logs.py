"""The log: one format for every line, with the id of the request in each."""

import logging.config

_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s %(correlation_id)s"


def configure(log_format: str) -> None:
    """Log to standard error, as `text` or as `json`."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"request": {"()": "asgi_correlation_id.CorrelationIdFilter", "default_value": "-"}},
            "formatters": {
                "text": {"format": "%(asctime)s %(levelname)-7s [%(correlation_id)s] %(message)s"},
                "json": {
                    "()": "pythonjsonlogger.json.JsonFormatter",
                    "format": _FIELDS,
                    "rename_fields": {
                        "asctime": "time",
                        "levelname": "level",
                        "name": "logger",
                        "correlation_id": "request_id",
                    },
                },
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["request"], "formatter": log_format}},
            "root": {"level": "INFO", "handlers": ["stderr"]},
            # Each model has a line of ours; of the framework, what went wrong is enough.
            "loggers": {"rest_model_service": {"level": "WARNING"}},
        }
    )
