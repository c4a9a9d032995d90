"""The log: one format for every line, and a queue before every handler, so that no line makes the service wait."""

import logging
import threading
import time
from collections.abc import Callable
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue

from asgi_correlation_id import CorrelationIdFilter
from pythonjsonlogger.json import JsonFormatter

_TEXT = "%(asctime)s %(levelname)-7s [%(correlation_id)s] %(message)s"
_TEXT_WITH_TRACE = "%(asctime)s %(levelname)-7s [%(correlation_id)s %(trace_id)s] %(message)s"
_JSON = "%(asctime)s %(levelname)s %(name)s %(message)s %(correlation_id)s"
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "correlation_id": "request_id"}
_QUEUE_BYTES = 32 * 2**20  # of the lines that wait for one handler
_RECORD_BYTES = 2_000  # of a record without its text
_PAUSE = 0.02  # seconds in which lines gather before they are written


class _Writer(QueueListener):
    """Writes the lines in a thread. It wakes up for many lines rather than for each, which costs less."""

    written = 0  # bytes

    def dequeue(self, block: bool) -> logging.LogRecord:
        if self.queue.empty():  # type: ignore[attr-defined]  # a SimpleQueue
            time.sleep(_PAUSE)
        return super().dequeue(block)

    def handle(self, record: logging.LogRecord) -> None:
        try:
            super().handle(record)
        except Exception:  # such as a log file that was moved and cannot be made again
            self.handlers[0].handleError(record)
        self.written += _size(record)


class Buffered(QueueHandler):
    """Queues lines for another handler, which writes them in a thread; drops lines when the queue is full."""

    def __init__(self, handler: logging.Handler, count_dropped: Callable[[], None]) -> None:
        lines: SimpleQueue[logging.LogRecord] = SimpleQueue()
        super().__init__(lines)
        self.setLevel(handler.level)
        self.filters, handler.filters = handler.filters, []  # in the thread, they would not find the request's id
        handler.handleError = lambda record: count_dropped()  # type: ignore[method-assign]  # the disk may be full
        self._handler = handler
        self._count_dropped = count_dropped
        self._queued = 0  # bytes
        self._writer = _Writer(lines, handler)
        self._writer.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Replace everything that a record refers to by its text."""
        record.msg, record.args = record.getMessage(), None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue or drop a line; the caller has the handler's lock."""
        size = _size(record)
        if self._queued - self._writer.written + size > _QUEUE_BYTES:
            self._count_dropped()
        else:
            self._queued += size
            super().enqueue(record)

    def finish(self, seconds: float) -> None:
        """Wait until all lines are written, for at most `seconds`."""
        finishing = threading.Thread(target=self._finish, daemon=True)
        finishing.start()
        finishing.join(seconds)

    def _finish(self) -> None:
        self._writer.stop()
        self._handler.close()


def _size(record: logging.LogRecord) -> int:
    return _RECORD_BYTES + len(record.msg) + len(record.exc_text or "")


def configure(log_format: str, trace_ids: logging.Filter | None = None) -> None:
    """Log to standard error, as `text` or as `json`, with times as in RFC 3339; a filter may add the ids of traces."""
    text = _TEXT_WITH_TRACE if trace_ids else _TEXT
    formatter: logging.Formatter = logging.Formatter(text, defaults={"trace_id": "-"})
    if log_format == "json":
        formatter = JsonFormatter(_JSON, rename_fields=_NAMES)
    formatter.converter = time.gmtime
    formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"
    formatter.default_msec_format = "%s.%03dZ"
    handler = logging.StreamHandler()
    handler.addFilter(CorrelationIdFilter(default_value="-"))
    if trace_ids:
        handler.addFilter(trace_ids)
    handler.setFormatter(formatter)
    logging.basicConfig(level="INFO", handlers=[handler])
    for name, level in (
        ("rest_model_service", "WARNING"),  # this package has a line for each model
        ("uvicorn.error", "WARNING"),  # this package has lines for the start and the end
        ("asgi_correlation_id", "ERROR"),  # replacing an id is not worth a warning
    ):
        logging.getLogger(name).setLevel(level)


def buffer_handlers(count_dropped: Callable[[], None]) -> list[Buffered]:
    """Put a queue before every handler of every logger; `count_dropped` is called for each line that is dropped."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    buffered: dict[logging.Handler, Buffered] = {}
    for logger in loggers:
        for handler in logger.handlers:
            if handler not in buffered:  # two loggers may share it
                buffered[handler] = Buffered(handler, count_dropped)
        logger.handlers = [buffered[handler] for handler in logger.handlers]
    return list(buffered.values())
