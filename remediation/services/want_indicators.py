"""What each connection should hold: one row for each indicator and connection that can enforce it."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from accounts.models import DeviceGroup
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.ports import INDICATORS, TENANT
from connectors.registry import open_connection
from core import clock, jobs
from remediation.models import Indicator, IndicatorEnforcement
from remediation.models.indicator import ABSENT

TASK = "remediation.tasks.enforce_indicators"


def enforcing_connections() -> list[Connection]:
    """Those that are switched on and can hold indicators."""
    return [one for one in Connection.objects.filter(enabled=True).order_by("pk") if _can_enforce(one)]


def want_everywhere(indicators: Iterable[Indicator]) -> None:
    """Bring the wishes in line with the indicators, and wake the worker that sends them. In the caller's transaction.

    An indicator of an exercise stays in its company; every other one goes wherever it can be enforced.
    """
    rows = list(indicators)
    connections = enforcing_connections()
    present = {
        (row.indicator_id, row.connection_id): row
        for row in IndicatorEnforcement.objects.select_for_update().filter(indicator__in=rows)
    }
    new, old = [], []
    for indicator in rows:
        wish, digest = wish_of(indicator)
        for connection in connections:
            row = present.get((indicator.pk, connection.pk))
            if row is None:
                if wish != ABSENT and indicator.exercise in {"", connection.exercise}:
                    new.append(IndicatorEnforcement(indicator=indicator, connection=connection, desired=wish,
                                                    desired_digest=digest))  # fmt: skip
            elif (row.desired, row.desired_digest) != (wish, digest):
                row.desired, row.desired_digest = wish, digest
                row.generation, row.attempts, row.error = row.generation + 1, 0, ""
                row.next_try_at = clock.now()
                old.append(row)
    IndicatorEnforcement.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)
    columns = ["desired", "desired_digest", "generation", "attempts", "error", "next_try_at"]
    IndicatorEnforcement.objects.bulk_update(old, columns, batch_size=500)
    jobs.wake(TASK)


def wish_of(indicator: Indicator) -> tuple[str, str]:
    """The action and the digest of everything that a connection is told; `absent` for one that is not active."""
    if not indicator.is_active:
        return ABSENT, ""
    return indicator.action, str(entry_of(indicator)["digest"])


def entry_of(indicator: Indicator) -> dict[str, Any]:
    """What a connection is told of one indicator."""
    told: dict[str, Any] = {
        "key": indicator.remote_key,
        "type": indicator.type,
        "value": indicator.value,
        "action": indicator.action,
        "title": indicator.title,
        "severity": indicator.severity,
        "generate_alert": indicator.generate_alert,
        "expires_at": indicator.expires_at.isoformat() if indicator.expires_at else None,
        "device_groups": _group_names(indicator.device_group_ids),
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    return {**told, "device_group_ids": list(indicator.device_group_ids), "digest": digest}


def _group_names(ids: list[int]) -> list[str]:
    return sorted(DeviceGroup.objects.filter(pk__in=ids).values_list("name", flat=True)) if ids else []


def _can_enforce(connection: Connection) -> bool:
    try:
        return open_connection(connection).describe().capability(INDICATORS, TENANT.kind) is not None
    except ConnectorError:
        return False
