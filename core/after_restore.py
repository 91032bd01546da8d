"""After the database was restored from a backup: which events of that time are still handed over."""

from collections.abc import Collection

from django.db.models import Max

from core import clock, heartbeat, outbox
from core.models import BackupKind, BackupRecord, OutboxEvent

_BROKER_KEY = "soc:restored"


def set_aside_events(*, but_for: Collection[str], reason: str) -> int:
    """Only the listeners named in `but_for` still hear of what had not been delivered. Returns how many events nobody
    hears of."""
    closed = 0
    for event in OutboxEvent.objects.select_for_update().filter(delivered_at=None).order_by("id"):
        names = [name for name, _ in outbox.pipeline().get(event.topic, ())]
        event.done = [name for name in names if name in event.done or name not in but_for]
        event.last_error = reason[:300]
        if len(event.done) == len(names):
            event.delivered_at = clock.real_now()
            closed += 1
        event.save(update_fields=["done", "last_error", "delivered_at"])
    return closed


def forget_broker_of_before() -> bool:
    """A broker that served another time of this portal holds wake-ups and sessions of it: it is emptied, once for each
    restore. All of it can be lost, because the rows are the truth."""
    newest = BackupRecord.objects.filter(kind=BackupKind.RESTORE, succeeded=True).aggregate(Max("pk"))["pk__max"]
    client = heartbeat.broker()
    if newest is None or client.get(_BROKER_KEY) == str(newest).encode():
        return False
    client.flushdb()
    client.set(_BROKER_KEY, newest)
    return True
