"""The only place that talks to Celery. A message is a wake-up: the database row is the truth.

Messages go out after commit. When the broker is away they are dropped with a log line, because a beat sweep finds
every row that is still due.
"""

import logging
from typing import Any

from celery import current_app
from django.core.cache import cache
from django.db import transaction

logger = logging.getLogger(__name__)
WAKE_TTL_S = 5


def enqueue(task: str, *ids: int | str) -> None:
    """Run the named task with ids once the current transaction has committed."""
    transaction.on_commit(lambda: _send(task, ids))


def enqueue_in(seconds: float, task: str, *ids: int | str) -> None:
    """As `enqueue`, but not before `seconds` have passed. For short waits (a minute at most): a worker holds the
    message until then, and a sweep finds the row should that worker die."""
    transaction.on_commit(lambda: _send(task, ids, countdown=seconds if seconds > 0 else None))


def wake(task: str) -> None:
    """Run the named sweep soon after commit; wake-ups that nobody has started on yet are merged into one.

    The task calls `woken()` first thing, so a row committed after that gets a wake-up of its own.
    """
    transaction.on_commit(lambda: _wake(task))


def woken(task: str) -> None:
    """Tell that the sweep has begun, so that later rows send a new wake-up."""
    try:
        cache.delete(f"wake:{task}")
    except Exception:  # noqa: BLE001 - without the broker the flag expires by itself
        logger.warning("broker away, wake-up flag of %s left to expire", task)


def _wake(task: str) -> None:
    try:
        if not cache.add(f"wake:{task}", 1, timeout=WAKE_TTL_S):
            return
    except Exception:  # noqa: BLE001 - see module docstring
        logger.warning("broker away, %s waits for its sweep", task)
        return
    _send(task, ())


def _send(task: str, ids: tuple[Any, ...], countdown: float | None = None) -> None:
    try:
        current_app.send_task(task, args=list(ids), countdown=countdown)
    except Exception:  # noqa: BLE001 - see module docstring
        logger.warning("broker away, %s%r waits for its sweep", task, ids)
