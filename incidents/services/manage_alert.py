"""Changing one alert."""

from typing import Any

from django.db import transaction

from accounts.models import User
from core import audit, clock
from core.actors import Actor
from incidents.enums import AlertStatus
from incidents.lifecycle import ALERT_STATUS
from incidents.models import Alert
from incidents.services.announce import announce_incident
from incidents.services.changes import SETTABLE_ALERT_STATUS, clean_changes, fit_determination
from incidents.services.manage import StaleVersion
from incidents.services.roll_up import roll_up

CHANGEABLE = frozenset({"status", "assigned_to", "classification", "determination", "custom_tags"})


def update_alert(
    alert: Alert, *, changes: dict[str, Any], actor: Actor, reason: str = "", expected_version: int | None = None
) -> Alert:
    """Apply `changes` to an alert; its incident's counts follow. Raises `ValidationError` or `StaleVersion`."""
    with transaction.atomic():
        row = Alert.objects.select_for_update().get(pk=alert.pk)
        if expected_version is not None and row.version != expected_version:
            raise StaleVersion(row.version)
        cleaned = clean_changes(changes, allowed=CHANGEABLE, statuses=SETTABLE_ALERT_STATUS)
        fit_determination(row, cleaned)
        wanted = {name: value for name, value in cleaned.items() if getattr(row, name) != value}
        if not wanted:
            return row
        thread = f"incident:{row.incident_id}" if row.incident_id else f"alert:{row.pk}"
        if "status" in wanted:
            status = wanted.pop("status")
            ended = clock.now() if status == AlertStatus.RESOLVED else None
            ALERT_STATUS.move(row, status, actor=actor, thread=thread, reason=reason, resolved=ended)
        _store(row, wanted, thread=thread, actor=actor, reason=reason)
        if row.incident is not None:
            roll_up([row.incident.pk], actor=actor)
            announce_incident(row.incident)
    return row


def _store(row: Alert, wanted: dict[str, Any], *, thread: str, actor: Actor, reason: str) -> None:
    changes = {name: (_shown(getattr(row, name)), _shown(value)) for name, value in wanted.items()}
    for name, value in wanted.items():
        setattr(row, name, value)
    row.version += 1
    row.updated = clock.now()
    row.save(update_fields=[*wanted, "version", "updated"])
    if changes:
        audit.record("alert.changed", subject=f"alert:{row.pk}", thread=thread, actor=actor, reason=reason,
                     changes=changes)  # fmt: skip


def _shown(value: Any) -> Any:
    return value.named if isinstance(value, User) else value
