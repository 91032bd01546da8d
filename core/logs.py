"""How records are written: a line for people or JSON for machines, with the request or task they belong to, and never
with a secret."""

import logging
from contextvars import ContextVar
from typing import Any

import structlog
from structlog.contextvars import get_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from core.redaction import redact, redact_tree

trace: ContextVar[str] = ContextVar("trace", default="-")
# What `extra=` may carry into JSON. Anything else, such as a whole request, stays out.
FIELDS = ("route", "method", "status", "duration_ms", "user_id", "address", "attempt")

# Of these the message of the line tells already.
IN_THE_MESSAGE = {"route", "method", "status"}


def request_id() -> str:
    """The id of the request in hand; empty outside of one."""
    return "" if trace.get() == "-" else trace.get()


class LineFormatter(logging.Formatter):
    """`time LEVEL logger [request] message`, then what is known about the task."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(trace)s] %(message)s%(about)s")

    def format(self, record: logging.LogRecord) -> str:
        record.trace = trace.get()
        told = {name: getattr(record, name, None) for name in FIELDS if name not in IN_THE_MESSAGE}
        known = get_contextvars() | {name: value for name, value in told.items() if value is not None}
        record.about = "".join(f" {name}={value}" for name, value in known.items())
        return redact(super().format(record))


class JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """One JSON object a line: `timestamp, level, logger, event`, the ids and, for an error, `exception`."""

    def __init__(self) -> None:
        before: list[Processor] = [
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(allow=FIELDS),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_request_id,
        ]
        after: list[Processor] = [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _without_secrets,
            structlog.processors.JSONRenderer(),
        ]
        super().__init__(foreign_pre_chain=before, processors=after)


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if request_id():
        event["request_id"] = request_id()
    return event


def _without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    clean: dict[str, Any] = redact_tree(event)
    return clean
