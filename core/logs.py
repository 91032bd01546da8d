"""One line a record, with the trace id of the request; values only, never secrets."""

import logging
from contextvars import ContextVar

trace: ContextVar[str] = ContextVar("trace", default="-")


class LineFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(trace)s] %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.trace = trace.get()
        return super().format(record)
