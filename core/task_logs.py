"""What a worker's log lines say about the task they belong to, and how the id of a request reaches it: as a header."""

import inspect
import logging
import time
from typing import Any

from celery import Task
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun
from structlog.contextvars import bind_contextvars, clear_contextvars

from core import metrics
from core.logs import request_id, trace

logger = logging.getLogger("soc.task")
HEADER = "soc_request_id"
_started: dict[str, float] = {}


@setup_logging.connect
def keep_the_settings_logging(**_: Any) -> None:
    """Whoever listens here keeps Celery from setting up loggers of its own."""


@before_task_publish.connect
def take_the_request_along(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None and request_id():
        headers[HEADER] = request_id()


@task_prerun.connect
def begin(task_id: str = "", task: Any = None, args: Any = (), **_: Any) -> None:
    clear_contextvars()
    trace.set(str(task.request.get(HEADER) or "-"))
    bind_contextvars(task=task.name, task_id=task_id, **_ids(task, args or ()))
    _started[task_id] = time.monotonic()


@task_postrun.connect
def end(task_id: str = "", task: Any = None, args: Any = (), state: str | None = None, **_: Any) -> None:
    """A line for work on one thing or for a request; the sweeps of the clock only speak when asked for detail."""
    seconds = time.monotonic() - _started.pop(task_id, time.monotonic())
    level = logging.INFO if args or request_id() else logging.DEBUG
    logger.log(level, "%s %s", task.name, state, extra={"duration_ms": round(seconds * 1000, 1)})
    metrics.count_task(task.name, str(state))
    clear_contextvars()
    trace.set("-")


def _ids(task: "Task[Any, Any]", args: Any) -> dict[str, Any]:
    """`run_id=7` of `advance_run(7)`; messages carry nothing but ids."""
    names = list(inspect.signature(task.run).parameters)
    return {name: value for name, value in zip(names, args, strict=False) if name.endswith("_id")}
