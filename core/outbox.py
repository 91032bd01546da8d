"""How a later stage reacts to an earlier one, without the earlier one knowing.

`publish()` writes a row in the caller's transaction; `deliver()` hands it to the listeners that
`settings.PIPELINE` names for the topic, in order. Delivery is at least once, so listeners are idempotent.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from core import clock, jobs
from core.due import due
from core.logs import request_id, trace
from core.models import OutboxEvent

logger = logging.getLogger(__name__)
Listener = Callable[..., None]
MAX_BACKOFF = timedelta(minutes=10)


@cache
def pipeline() -> Mapping[str, tuple[tuple[str, Listener], ...]]:
    """Topic -> ((dotted name, function), ...), read once from the wiring file."""
    wiring: Mapping[str, list[str]] = import_string(settings.PIPELINE)
    return {topic: tuple((name, import_string(name)) for name in names) for topic, names in wiring.items()}


def publish(topic: str, **payload: Any) -> None:
    """Announce something that happened. Must run in the transaction of the thing itself."""
    if not connection.in_atomic_block:
        raise RuntimeError("Outbox events are published in the transaction that caused them.")
    if topic not in pipeline():
        raise LookupError(f"No listener list is declared for the topic {topic!r}.")
    if pipeline()[topic]:
        OutboxEvent.objects.create(topic=topic, payload=payload, request_id=request_id())
        jobs.wake("core.tasks.deliver_outbox")


def deliver(limit: int = 200) -> int:
    """Deliver due events, one transaction each; returns how many were finished."""
    finished = 0
    for _ in range(limit):
        outcome = _deliver_next()
        if outcome is None:
            break
        finished += outcome
    return finished


def _deliver_next() -> int | None:
    with transaction.atomic():
        event = (
            OutboxEvent.objects.select_for_update(skip_locked=True)
            .filter(due("due"), delivered_at=None)
            .order_by("due", "id")
            .first()
        )
        if event is None:
            return None
        for name, listener in pipeline().get(event.topic, ()):
            if name not in event.done and not _hand_over(event, name, listener):
                break
        else:
            event.delivered_at = clock.real_now()
        event.save(update_fields=["done", "delivered_at", "attempts", "last_error", "due"])
        return int(event.delivered_at is not None)


def _hand_over(event: OutboxEvent, name: str, listener: Listener) -> bool:
    """What the listener logs and enqueues belongs to the request that caused the event."""
    token = trace.set(event.request_id or trace.get())
    try:
        with transaction.atomic():
            listener(**event.payload)
    except Exception as error:
        event.attempts += 1
        event.last_error = f"{name}: {type(error).__name__}"[:300]
        event.due = clock.real_now() + min(MAX_BACKOFF, timedelta(seconds=2 ** min(event.attempts, 10)))
        logger.exception("listener %s failed on outbox event %s", name, event.pk)
        return False
    finally:
        trace.reset(token)
    event.done = [*event.done, name]
    return True


def forget_delivered(before: timedelta = timedelta(days=7)) -> int:
    """Drop events delivered long ago."""
    count, _ = OutboxEvent.objects.filter(delivered_at__lt=clock.real_now() - before).delete()
    return count
