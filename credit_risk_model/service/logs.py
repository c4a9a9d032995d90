"""The log: one format for every line, and a writer that never keeps the service waiting."""

import logging
import os
import select
import sys
import threading
import time
from collections import deque
from contextlib import nullcontext
from datetime import UTC, datetime

from asgi_correlation_id import CorrelationIdFilter
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

_TEXT = "%(asctime)s %(levelname)-7s [%(correlation_id)s] %(message)s"
_JSON = "%(asctime)s %(levelname)s %(name)s %(message)s %(correlation_id)s"
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "correlation_id": "request_id"}
_LIMIT = 10_000  # pieces of lines


class _TextFormatter(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return _rfc3339(record.created)


class _JsonFormatter(JsonFormatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return _rfc3339(record.created)


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log(logging.Handler):
    """Writes lines to standard error as long as somebody reads them; no line makes the service wait.

    A pipe that `poll` calls writable takes `PIPE_BUF` bytes without blocking. Lines for which there is no room wait for
    a thread that writes them later; where too many wait, a line is dropped and counted.
    """

    def __init__(self, log_format: str) -> None:
        super().__init__()
        self.dropped = 0
        """The number of lines that were dropped."""
        self._waiting: deque[bytes] = deque()
        self._writer: threading.Thread | None = None
        self._output = sys.stderr.fileno()
        self.addFilter(CorrelationIdFilter(default_value="-"))
        self.setFormatter(
            _JsonFormatter(_JSON, rename_fields=_NAMES, reserved_attrs=[*RESERVED_ATTRS, "color_message"])
            if log_format == "json"
            else _TextFormatter(_TEXT)
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write, keep or drop a line; the caller has the handler's lock."""
        if len(self._waiting) >= _LIMIT:
            self.dropped += 1
            return
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        except Exception:
            self.handleError(record)
            return
        for start in range(0, len(line), select.PIPE_BUF):
            self._waiting.append(line[start : start + select.PIPE_BUF])
        self._write()
        if self._waiting and self._writer is None:
            self._writer = threading.Thread(target=self._write_later, name="log", daemon=True)
            self._writer.start()

    def _write(self) -> None:
        try:
            while self._waiting and self._is_writable(0):
                os.write(self._output, self._waiting.popleft())
        except (OSError, IndexError):  # nobody will read any more, or a signal came between, whose line wrote the rest
            self.dropped += len(self._waiting)
            self._waiting.clear()

    def _is_writable(self, milliseconds: int | None) -> bool:
        poll = select.poll()  # one for all would refuse to be asked by two threads at once
        poll.register(self._output, select.POLLOUT)
        return bool(poll.poll(milliseconds))

    def _write_later(self) -> None:
        while True:
            self._is_writable(None)
            with self.lock or nullcontext():
                self._write()
                if not self._waiting:
                    self._writer = None
                    return

    def flush_within(self, seconds: float) -> None:
        """Wait until all lines are written, but no longer than this."""
        end = time.monotonic() + seconds
        while self._waiting and time.monotonic() < end:
            time.sleep(0.01)


def configure(log_format: str) -> Log:
    """Log to standard error, as `text` or as `json`."""
    log = Log(log_format)
    logging.basicConfig(level="INFO", handlers=[log])
    for name, level in (
        ("rest_model_service", "WARNING"),  # each model has a line of ours
        ("uvicorn.error", "WARNING"),  # the start and the end have lines of ours
        ("asgi_correlation_id", "ERROR"),  # replacing an id is not worth a warning
    ):
        logging.getLogger(name).setLevel(level)
    return log
