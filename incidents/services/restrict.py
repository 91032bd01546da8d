"""Keeping an incident to named people (insider cases), and opening it again."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from core import audit, clock
from core.actors import Actor
from incidents.models import Incident
from incidents.services.announce import publish_change


def restrict_incident(incident: Incident, *, people: Collection[User], actor: Actor, reason: str) -> Incident:
    """Let only `people` see the incident; whoever restricts it stays among them. Raises `ValidationError`."""
    if not reason.strip():
        raise ValidationError("Say why: the reason goes into the audit log.")
    with transaction.atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        before = _names(row)
        named = {person.pk for person in people if person.is_active}
        if actor.person_id is not None:
            named.add(actor.person_id)
        if not named:
            raise ValidationError("Name at least one active person.")
        row.restricted_to.set(named)
        for signpost in _signposts(row):
            signpost.restricted_to.set(named)
        return _mark(row, restricted=True, before=before, actor=actor, reason=reason)


def open_restricted_incident(incident: Incident, *, actor: Actor, reason: str) -> Incident:
    """Let everyone in scope see the incident again."""
    with transaction.atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        before = _names(row)
        row.restricted_to.clear()
        for signpost in _signposts(row):
            signpost.restricted_to.clear()
        return _mark(row, restricted=False, before=before, actor=actor, reason=reason)


def _signposts(row: Incident) -> QuerySet[Incident]:
    """What was merged into it still has a name and a history of the same case."""
    return Incident.objects.filter(redirect_incident=row)


def _names(row: Incident) -> list[str] | None:
    return sorted(str(person) for person in row.restricted_to.all()) if row.restricted else None


def _mark(row: Incident, *, restricted: bool, before: list[str] | None, actor: Actor, reason: str) -> Incident:
    row.restricted = restricted
    row.version += 1
    row.updated = clock.now()
    row.last_modified_by = actor.name[:255]
    row.save(update_fields=["restricted", "version", "updated", "last_modified_by"])
    _signposts(row).update(restricted=restricted)
    audit.record("incident.restricted" if restricted else "incident.opened_to_all", subject=row.thread,
                 thread=row.thread, actor=actor, reason=reason,
                 changes={"restricted_to": (before, _names(row))})  # fmt: skip
    publish_change(row, ["restricted"])
    return row
