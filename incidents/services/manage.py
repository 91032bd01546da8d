"""Changing an incident, with what follows for its alerts."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists

from accounts.models import User
from core import audit, clock
from core.actors import Actor
from incidents.enums import SEVERITY_RANK, AlertStatus, IncidentStatus, Severity, ValueSource
from incidents.lifecycle import ALERT_STATUS, INCIDENT_STATUS
from incidents.models import Alert, Incident
from incidents.services.announce import publish_change
from incidents.services.changes import SETTABLE_STATUS, clean_changes, fit_determination
from incidents.services.roll_up import roll_up
from incidents.services.service_levels import MOVING, clocks_ahead, end_pause
from incidents.services.tell_of import tell_changed
from notifications.models import Watch

CHANGEABLE = frozenset({"display_name", "severity", "custom_tags", "assigned_to", "status", "classification",
                        "determination", "resolving_comment", "description"})  # fmt: skip


class StaleVersion(Exception):
    """Somebody changed the row since it was read; `current` is the version now."""

    def __init__(self, current: int) -> None:
        super().__init__(f"Changed by somebody else in the meantime (version {current} now).")
        self.current = current


def update_incident(
    incident: Incident,
    *,
    changes: dict[str, Any],
    actor: Actor,
    reason: str = "",
    expected_version: int | None = None,
) -> Incident:
    """Apply `changes`; fields left out keep their value.

    Assigning gives all alerts the same owner, resolving resolves every alert that is still open, each as an audit
    event of its own. A severity set by hand sticks; None hands it back to the alerts. Raises `ValidationError`, and
    `StaleVersion` when `expected_version` is no longer the stored one.
    """
    with transaction.atomic():
        followed = Exists(Watch.objects.filter(subject=incident.thread))  # asked with the lock: no statement more
        row = Incident.objects.select_for_update(of=("self",)).annotate(followed=followed).get(pk=incident.pk)
        if expected_version is not None and row.version != expected_version:
            raise StaleVersion(row.version)
        wanted = _wanted(row, changes)
        if not wanted:
            return row
        former = {name: getattr(row, name) for name in wanted}
        status = wanted.pop("status", None)
        before = {name: _shown(getattr(row, name)) for name in wanted}
        columns = _apply(row, wanted, actor)
        changed = {name: (before[name], _shown(getattr(row, name))) for name in wanted}
        also = _beside(row, status) if status else {}
        if MOVING & set(changes):
            columns += _clocks(row, status or row.status, also, actor)
        if status is None:
            row.save(update_fields=columns)
        else:
            _move(row, status, columns, also, actor=actor, reason=wanted.get("resolving_comment", "") or reason)
        if changed:
            audit.record("incident.changed", subject=row.thread, thread=row.thread, actor=actor, reason=reason,
                         changes=changed, data={"version": row.version})  # fmt: skip
        if status == IncidentStatus.RESOLVED:
            _resolve_alerts(row, actor=actor)
        if "assigned_to" in wanted:
            _hand_over_alerts(row, row.assigned_to, actor=actor)
        publish_change(row, sorted(changes))
        tell_changed(row, before=former, followed=bool(getattr(row, "followed", False)), actor=actor)
    return row


def _wanted(row: Incident, changes: dict[str, Any]) -> dict[str, Any]:
    """What differs from the stored row, checked."""
    if row.status == IncidentStatus.REDIRECTED:
        raise ValidationError("This incident was merged into another and no longer changes.")
    cleaned = clean_changes(changes, allowed=CHANGEABLE, statuses=SETTABLE_STATUS)
    fit_determination(row, cleaned)
    differing = {name: value for name, value in cleaned.items() if getattr(row, name) != value}
    if cleaned.get("severity") is not None and row.severity_source == ValueSource.AUTO:
        differing["severity"] = cleaned["severity"]  # confirming the automatic value makes it stick
    if "severity" in differing and differing["severity"] is None and row.severity_source == ValueSource.AUTO:
        del differing["severity"]
    return differing


def _beside(row: Incident, wanted: str) -> dict[str, Any]:
    """The times that change with the status."""
    also: dict[str, Any] = {}
    if wanted == IncidentStatus.RESOLVED:
        also["resolved"] = clock.now()
    elif row.status == IncidentStatus.RESOLVED:
        also.update(resolved=None, reopened_count=row.reopened_count + 1)
    if wanted == IncidentStatus.IN_PROGRESS and row.acknowledged is None:
        also["acknowledged"] = clock.now()
    return also


def _clocks(row: Incident, status: str, also: dict[str, Any], actor: Actor) -> list[str]:
    closed = status == IncidentStatus.RESOLVED
    if closed:
        end_pause(row, actor=actor)
    times = {name: also[name] for name in ("resolved", "acknowledged") if name in also}
    return clocks_ahead(row, closed=closed, **times)


def _move(row: Incident, wanted: str, columns: list[str], also: dict[str, Any], *, actor: Actor, reason: str) -> None:
    """The status, with the columns that changed beside it."""
    columns_too = {name: getattr(row, name) for name in columns} | also
    data = {"version": row.version}  # one act is told by several events; this says which belong together
    INCIDENT_STATUS.move(row, wanted, actor=actor, thread=row.thread, reason=reason, data=data, **columns_too)


def _resolve_alerts(row: Incident, *, actor: Actor) -> None:
    still_open = list(row.alerts.select_for_update().exclude(status=AlertStatus.RESOLVED).order_by("pk"))
    now = clock.now()
    ALERT_STATUS.move_many(
        still_open, AlertStatus.RESOLVED, actor=actor, thread=row.thread,
        reason=f"{row.number} was resolved", resolved=now, updated=now,
    )  # fmt: skip
    for name, value in roll_up([row.pk], locked=[row], actor=actor)[row.pk].items():
        setattr(row, name, value)


def _apply(row: Incident, wanted: dict[str, Any], actor: Actor) -> list[str]:
    """Set the fields and the marks that every change leaves; answers the columns to write."""
    for name, value in wanted.items():
        setattr(row, name, value)
    row.version += 1
    row.updated = clock.now()
    row.last_modified_by = actor.name[:255]
    row.rose_to_high = None  # whoever changes it has seen it
    columns = [*wanted, "version", "updated", "last_modified_by", "rose_to_high"]
    if "display_name" in wanted:
        row.name_source = ValueSource.MANUAL
        columns.append("name_source")
    if "severity" in wanted:
        _set_severity(row, wanted["severity"])
        columns += ["severity_source", "severity_rank"]
    if wanted.get("assigned_to") is not None and row.acknowledged is None:
        row.acknowledged = clock.now()
        columns.append("acknowledged")
    return columns


def _set_severity(row: Incident, wanted: str | None) -> None:
    if wanted is None:
        row.severity_source = ValueSource.AUTO
        found = row.alerts.values_list("severity", flat=True)
        row.severity = max(found, key=lambda value: SEVERITY_RANK[value], default=Severity.UNKNOWN)
    else:
        row.severity_source = ValueSource.MANUAL
    row.severity_rank = SEVERITY_RANK[row.severity]


def _hand_over_alerts(row: Incident, owner: User | None, *, actor: Actor) -> None:
    """The same owner on every alert of the incident, each told by itself."""
    others = row.alerts.select_for_update(of=("self",)).select_related("assigned_to")
    alerts: list[Alert] = [alert for alert in others.order_by("pk") if alert.assigned_to_id != (owner and owner.pk)]
    Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(assigned_to=owner, updated=clock.now())
    audit.record_many(
        [
            audit.Entry(
                "alert.changed", subject=f"alert:{alert.pk}", thread=row.thread,
                changes={"assigned_to": (_shown(alert.assigned_to), _shown(owner))},
                reason=f"{row.number} was assigned",
            )
            for alert in alerts
        ],
        actor=actor,
    )  # fmt: skip


def _shown(value: Any) -> Any:
    """As the history keeps it: people by name, because keys outlive nobody."""
    return value.named if isinstance(value, User) else value
