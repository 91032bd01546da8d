"""Connections stand beside the feeds: one that neither carried out nor answered anything for longer than its limit, and
one whose check failed, is an alarm."""

from typing import Any

from django.db import transaction

from connectors.enums import Health
from connectors.models import Connection
from connectors.services.watch import last_heard
from core import audit, clock
from core.actors import Actor
from notifications import topics
from notifications.models import Pulse
from notifications.services.pulse import note_beat
from notifications.services.tell import tell

PREFIX = "connection:"
FAILED = topics.declare(
    "connection.failed",
    "A connection does not answer",
    "The check of a connection failed, so what it is asked for may not happen.",
    group="Portal",
    permission="system_settings.manage",
    channels=("page", "mail"),
    urgent=True,
)


def watch_connections(*, actor: Actor) -> int:
    """Bring the rows of the connections up to date and raise the alarm for a failed check, once; answers how many."""
    heard = last_heard()
    connections = {f"{PREFIX}{one.pk}": one for one in Connection.objects.all()}
    rows = {row.key: row for row in Pulse.objects.filter(key__startswith=PREFIX)}
    Pulse.objects.filter(pk__in=[row.pk for key, row in rows.items() if key not in connections]).delete()
    alarms = 0
    for key, connection in connections.items():
        at = heard[connection.pk]
        row = rows.get(key)
        if row is None:
            row, _ = Pulse.objects.get_or_create(key=key, defaults={"label": connection.name, "first_at": at,
                                                                    "last_at": at})  # fmt: skip
        elif at > row.last_at:
            note_beat(row, now=at, detail=_detail(connection), actor=actor)
        alarms += _follow(row, connection, actor=actor)
    return alarms


def _follow(row: Pulse, connection: Connection, *, actor: Actor) -> int:
    failing = connection.health_detail or "It did not answer." if connection.health == Health.UNHEALTHY else ""
    now: dict[str, Any] = {
        "label": connection.name,
        "detail": _detail(connection),
        "paused": not connection.enabled,
        "failing": failing if connection.enabled else "",
    }
    if all(getattr(row, name) == value for name, value in now.items()):
        return 0
    begins = bool(now["failing"]) and not row.failing and row.watched
    with transaction.atomic():
        if not Pulse.objects.filter(pk=row.pk, failing=row.failing).update(**now):
            return 0
        if not begins:
            return 0
        audit.record("source.failing", subject=f"pulse:{row.pk}", actor=actor, data={"label": connection.name})
        tell(
            FAILED,
            subject=f"connection:{connection.pk}",
            title=f"{connection.name} does not answer",
            body=failing,
            url="/admin/sources/",
            source=connection.name,
            once=f"{connection.pk}:{(connection.checked_at or clock.real_now()).isoformat()}",
            actor=actor,
        )
    return 1


def _detail(connection: Connection) -> str:
    return f"Connection, {connection.kind}"
