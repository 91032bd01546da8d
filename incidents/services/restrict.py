"""Keeping an incident to named people (insider cases), opening it again, and the way back in when they have left."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts.enums import UserKind
from accounts.models import User
from core import audit, clock
from core.actors import Actor
from core.personal import Name
from incidents.models import Incident
from incidents.services.announce import publish_change

FEWEST_READERS = 2


def restrict_incident(incident: Incident, *, people: Collection[User], actor: Actor, reason: str) -> Incident:
    """Let only `people` see the incident; whoever restricts it stays among them. Raises `ValidationError`, also when
    fewer than two of them could open it: when one leaves, the other lets in who takes over."""
    if not reason.strip():
        raise ValidationError("Say why: the reason goes into the audit log.")
    with transaction.atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        before = _names(row)
        named = {person.pk for person in people if person.is_active}
        if actor.person_id is not None:
            named.add(actor.person_id)
        row.restricted_to.set(named)
        if len(readers_of(row)) < FEWEST_READERS:
            raise ValidationError(
                "Name at least two people, yourself included, who are active, may read incidents and see its device "
                "groups: if one of them leaves, the other can still open it."
            )
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


def name_reader(incident_id: int, *, person: User, actor: Actor, reason: str) -> None:
    """Name one more person on a restricted incident that none of the named people can open any more.

    Nothing of the incident is shown to whoever does it. The audit log tells of it twice: in the incident's own history,
    and in the account's, which administrators read. Raises `ValidationError`.
    """
    if not reason.strip():
        raise ValidationError("Say why: the reason goes into the audit log.")
    with transaction.atomic():
        row = Incident.objects.select_for_update().filter(pk=incident_id, restricted=True).first()
        if row is None:
            raise ValidationError("There is no restricted incident of this number.")
        if row.redirect_incident_id is not None:
            raise ValidationError(f"It was merged: name the person on INC-{row.redirect_incident_id}.")
        if readers_of(row):
            raise ValidationError("Somebody whom it names can still open it: ask them to lift the restriction.")
        before = _names(row)
        row.restricted_to.add(person)
        if person not in readers_of(row):
            raise ValidationError(f"{person} is not an active person who may read incidents and see its device groups.")
        for signpost in _signposts(row):
            signpost.restricted_to.add(person)
        audit.record("incident.reader_named", subject=f"user:{person.pk}", thread=f"user:{person.pk}", actor=actor,
                     reason=reason, data={"incident": row.number})  # fmt: skip
        _mark(row, restricted=True, before=before, actor=actor, reason=reason)


def readers_of(row: Incident) -> list[User]:
    """The named people who can open it today."""
    named = row.restricted_to.filter(is_active=True, kind=UserKind.PERSON).order_by("pk")
    return [person for person in named if Incident.objects.visible_to(person).filter(pk=row.pk).exists()]


def _signposts(row: Incident) -> QuerySet[Incident]:
    """What was merged into it still has a name and a history of the same case."""
    return Incident.objects.filter(redirect_incident=row)


def _names(row: Incident) -> list[Name] | None:
    return [person.named for person in row.restricted_to.order_by("display_name", "pk")] if row.restricted else None


def _mark(row: Incident, *, restricted: bool, before: list[Name] | None, actor: Actor, reason: str) -> Incident:
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
