"""What indicators met on devices: a device tells it with its heartbeats until it was heard, so it is kept at once, for
whoever keeps the indicators to read in the order in which it came."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.cache import cache

from connectors.models import Agent, Connection, ConnectorState
from connectors.ports import HITS_AT_ONCE
from core import clock, outbox

logger = logging.getLogger(__name__)
KIND = "indicator_hit"
KEPT = timedelta(days=30)
TOLD_AT_ONCE = 100
# Of one device; what it tells beyond is not kept, so that no device fills the table or stands before all others.
MOST_AN_HOUR, HOUR_S = 10_000, 3_600


def keep_hits(agent: Agent, observed: Mapping[str, Any]) -> None:
    """In the heartbeat's transaction; told twice it is kept once."""
    seen = observed.get("indicators")
    evidence = seen.get("evidence") if isinstance(seen, Mapping) else None
    told = evidence.get("hits") if isinstance(evidence, Mapping) else None
    hits = [one for one in told if isinstance(one, Mapping) and one.get("id")] if isinstance(told, list) else []
    names = {f"{agent.device_id}:{str(one['id'])[:40]}": one for one in hits[:TOLD_AT_ONCE]}
    rows = ConnectorState.objects.filter(connection_id=agent.connection_id, object_kind=KIND)
    known = set(rows.filter(object_id__in=names).values_list("object_id", flat=True)) if names else set()
    fresh = [_row(agent, name, one) for name, one in names.items() if name not in known]
    if fresh := fresh[: _room(agent, len(fresh))]:
        ConnectorState.objects.bulk_create(fresh, ignore_conflicts=True)
        outbox.publish("agent.hits", connection_id=agent.connection_id)


def _room(agent: Agent, wanted: int) -> int:
    """How many of so many are kept; without the broker nobody counts."""
    if not wanted:
        return 0
    name = f"agent-hits:{agent.pk}:{int(clock.real_now().timestamp()) // HOUR_S}"
    cache.add(name, 0, 2 * HOUR_S)
    try:
        told = cache.incr(name, wanted)
    except ValueError:
        return wanted
    if told - wanted <= MOST_AN_HOUR < told:
        logger.warning("agent %s tells of more than %s hits an hour", agent.pk, MOST_AN_HOUR)
    return max(0, wanted - max(0, told - MOST_AN_HOUR))


def hits_after(connection: Connection, last: str) -> list[dict[str, Any]]:
    """The oldest that came after the one called `last`."""
    rows = ConnectorState.objects.filter(connection=connection, object_kind=KIND)
    if last.isdecimal():
        rows = rows.filter(pk__gt=int(last))
    return [{"id": str(row.pk), **row.state} for row in rows.order_by("pk")[:HITS_AT_ONCE]]


def forget_hits() -> int:
    """Those that are history."""
    old = ConnectorState.objects.filter(object_kind=KIND, updated__lt=clock.real_now() - KEPT)
    return old.delete()[0]


def _row(agent: Agent, name: str, told: Mapping[str, Any]) -> ConnectorState:
    state = {"indicator": str(told.get("indicator", ""))[:300], "device": agent.device_id,
             "at": str(told.get("at", ""))[:40], "did": str(told.get("did", ""))[:20]}  # fmt: skip
    return ConnectorState(connection_id=agent.connection_id, object_kind=KIND, object_id=name, state=state,
                          updated=clock.real_now())  # fmt: skip
