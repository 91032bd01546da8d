"""Moving alerts to another or a new incident, because a person knows better than the rules."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit, clock
from core.actors import Actor
from incidents.enums import CorrelationReason, IncidentStatus
from incidents.lifecycle import INCIDENT_STATUS
from incidents.models import Alert, CorrelationLink, Incident
from incidents.queries.incidents import OPEN
from incidents.services.announce import CREATED, announce_incident, publish_change
from incidents.services.changes import MAX_TEXT, plain_text
from incidents.services.roll_up import roll_up
from incidents.services.service_levels import take_over_start

RULE = "manual_move"
MAX_ALERTS = 1000


def move_alerts(
    alerts: Sequence[Alert],
    *,
    to: Incident | None,
    actor: Actor,
    comment: str,
    reason: str = CorrelationReason.EVENT_SEQUENCE,
) -> Incident:
    """Move the alerts into `to`, or into a new incident named after them; answers where they are now.

    The caller has fetched every alert and `to` through `visible_to(user)`. `reason` is one of `CorrelationReason`. An
    incident that is left empty leads to where its alerts went. Raises `ValidationError` when an alert waits for its
    first incident, is there already, or `to` cannot take it.
    """
    if reason not in CorrelationReason.values:
        raise ValidationError(f"{reason[:40]!r} is not a reason.")
    comment = plain_text(comment, limit=MAX_TEXT, label="Comment")
    if not 0 < len(alerts) <= MAX_ALERTS:
        raise ValidationError(f"Move between 1 and {MAX_ALERTS:,} alerts at once.")
    with transaction.atomic():
        left = _lock_incidents(alerts, to)
        rows = list(Alert.objects.select_for_update().filter(pk__in=[alert.pk for alert in alerts]).order_by("pk"))
        target = _target(rows, to, left, actor=actor)
        _check(rows, target, left)
        _move(rows, target, left, actor=actor, comment=comment, reason=reason)
        sources = [row for pk, row in left.items() if pk != target.pk]
        _close_empty(sources, target, actor=actor)
        roll_up([target.pk, *(row.pk for row in sources if row.is_open)], actor=actor)
        for row in (target, *sources):
            row.refresh_from_db()
            publish_change(row, ["alerts"])
        if to is None:
            announce_incident(target, topic=CREATED)
    return target


def _lock_incidents(alerts: Sequence[Alert], to: Incident | None) -> dict[int, Incident]:
    """All incidents concerned, always in the same order, before their alerts."""
    wanted = {alert.incident_id for alert in alerts if alert.incident_id is not None}
    if to is not None:
        wanted.add(to.pk)
    return {row.pk: row for row in Incident.objects.select_for_update().filter(pk__in=wanted).order_by("pk")}


def _target(rows: Sequence[Alert], to: Incident | None, locked: dict[int, Incident], *, actor: Actor) -> Incident:
    if to is not None:
        return locked[to.pk]
    now = clock.now()
    target = Incident.objects.create(
        display_name="", first_activity=min(row.first_activity for row in rows),
        last_activity=max(row.last_activity for row in rows), created=now, updated=now,
        last_modified_by=actor.name[:255], exercise=rows[0].exercise,
    )  # fmt: skip
    origin = locked.get(rows[0].incident_id or 0)
    if origin is not None and origin.restricted:
        # A part of a restricted case is no less confidential.
        target.restricted = True
        target.save(update_fields=["restricted"])
        target.restricted_to.set(origin.restricted_to.all())
    audit.record(
        "incident.created",
        subject=target.thread,
        thread=target.thread,
        actor=actor,
        data={"alerts": len(rows), "moved_from": sorted({row.incident_id for row in rows if row.incident_id})},
    )
    return target


def _check(rows: Sequence[Alert], target: Incident, left: dict[int, Incident]) -> None:
    kept = {pk: _named(row) for pk, row in left.items() if row.restricted}
    readers = _named(target) if kept else set()
    if target.status not in OPEN:
        raise ValidationError(f"{target.number} is closed; reopen it first.")
    for row in rows:
        if row.incident_id is None:
            raise ValidationError(f"“{row.title[:80]}” is being correlated right now; try again in a moment.")
        if row.incident_id == target.pk:
            raise ValidationError(f"“{row.title[:80]}” is in {target.number} already.")
        if row.exercise != target.exercise:
            raise ValidationError("Alerts of an exercise and real ones never share an incident.")
        if row.incident_id not in left:
            raise ValidationError("An alert has just gone to another incident; look again.")
        if left[row.incident_id].on_hold and not target.on_hold:
            raise ValidationError(f"{left[row.incident_id].number} is under a legal hold; its alerts stay in it.")
        if row.incident_id in kept and not (target.restricted and readers <= kept[row.incident_id]):
            raise ValidationError(f"{left[row.incident_id].number} is restricted; its alerts stay among named people.")


def _named(incident: Incident) -> set[int]:
    """Whom a restricted incident is kept to."""
    return set(incident.restricted_to.values_list("pk", flat=True))


def _move(
    rows: Sequence[Alert], target: Incident, left: dict[int, Incident], *, actor: Actor, comment: str, reason: str
) -> None:
    now = clock.now()
    ids = [row.pk for row in rows]
    CorrelationLink.objects.filter(alert__in=ids, undone=None).update(undone=now)
    CorrelationLink.objects.bulk_create(
        CorrelationLink(alert=row, incident=target, reason=reason, rule=RULE, created=now,
                        evidence=f"moved by {actor.name}"[:500])
        for row in rows
    )  # fmt: skip
    entries = []
    for row in rows:
        source = left[row.incident_id or 0]
        data = {"alert": row.pk, "from": source.pk, "to": target.pk, "reason": reason}
        subject = f"alert:{row.pk}"
        entries.append(audit.Entry("incident.alert_moved_out", subject, source.thread, reason=comment, data=data))
        entries.append(audit.Entry("incident.alert_moved_in", subject, target.thread, reason=comment, data=data))
    audit.record_many(entries, actor=actor)
    moved = {"incident": target, "updated": now}
    if target.assigned_to_id is not None:
        moved["assigned_to"] = target.assigned_to
    Alert.objects.filter(pk__in=ids).update(**moved)


def _close_empty(sources: Sequence[Incident], target: Incident, *, actor: Actor) -> None:
    """An incident without alerts is no incident any more: its address leads to where the alerts are."""
    kept = set(Alert.objects.filter(incident__in=sources).values_list("incident_id", flat=True).distinct())
    for row in sources:
        if row.pk not in kept and row.status != IncidentStatus.REDIRECTED:
            Incident.objects.filter(redirect_incident=row).update(redirect_incident=target)
            take_over_start([(row, target)], actor=actor)
            INCIDENT_STATUS.move(
                row, IncidentStatus.REDIRECTED, actor=actor, thread=row.thread, updated=clock.now(),
                reason=f"All its alerts were moved to {target.number}", redirect_incident=target,
            )  # fmt: skip
