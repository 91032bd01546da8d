"""Who decides: written down, changed, reviewed, removed."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from core import audit, clock
from core.actors import Actor
from reviews.enums import DecisionKind
from reviews.models import Contact

CHANGEABLE = frozenset({
    "decision", "words", "person", "name", "phone", "mail", "deputy", "deputy_name", "deputy_phone", "deputy_mail",
    "note", "reviewed",
})  # fmt: skip
MOST = 200


class StaleContact(Exception):
    """Somebody else changed the entry since it was read."""


def add_contact(values: dict[str, Any], *, actor: Actor, exercise: str = "") -> Contact:
    """Raises `ValidationError`."""
    with transaction.atomic():
        if Contact.objects.count() >= MOST:
            raise ValidationError(f"There are {MOST} entries, which is the most.")
        now = clock.now()
        row = Contact(created=now, updated=now, exercise=exercise, **_clean(values))
        _check(row)
        row.save()
        _record("contact.added", row, actor, {name: (None, _told(getattr(row, name))) for name in sorted(values)})
    return row


def change_contact(
    contact: Contact, *, changes: dict[str, Any], actor: Actor, expected_version: int | None = None
) -> Contact:
    """Raises `ValidationError`, `StaleContact`."""
    with transaction.atomic():
        row = Contact.objects.select_for_update().get(pk=contact.pk)
        if expected_version is not None and row.version != expected_version:
            raise StaleContact
        before = {name: getattr(row, name) for name in changes}
        for name, value in _clean(changes).items():
            setattr(row, name, value)
        differing = {name: (old, getattr(row, name)) for name, old in before.items() if old != getattr(row, name)}
        if not differing:
            return row
        _check(row)
        row.updated, row.version = clock.now(), row.version + 1
        row.save()
        _record("contact.changed", row, actor, {name: tuple(map(_told, pair)) for name, pair in differing.items()})
    return row


def review_contact(contact: Contact, *, actor: Actor) -> Contact:
    """Somebody made sure that it is still so."""
    return change_contact(contact, changes={"reviewed": clock.now().date()}, actor=actor)


def remove_contact(contact: Contact, *, actor: Actor, reason: str) -> None:
    with transaction.atomic():
        data = {name: _told(getattr(contact, name)) for name in sorted(CHANGEABLE)}
        audit.record("contact.removed", subject=f"contact:{contact.pk}", actor=actor, reason=reason[:500], data=data)
        contact.delete()


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(values) - CHANGEABLE:
        raise ValidationError(f"{min(unknown)} cannot be written.")
    return {name: " ".join(value.replace("\x00", "").split()) if isinstance(value, str) else value
            for name, value in values.items()}  # fmt: skip


def _check(row: Contact) -> None:
    if row.decision not in DecisionKind.values:
        raise ValidationError({"decision": "This is not one of the decisions."})
    if row.decision == DecisionKind.OTHER and not row.words:
        raise ValidationError({"words": "Say what is decided."})
    if not row.decider:
        raise ValidationError({"name": "Choose a person, or write a name."})
    if row.person and row.person == row.deputy:
        raise ValidationError({"deputy": "The deputy is somebody else."})
    if row.reviewed > clock.now().date():
        raise ValidationError({"reviewed": "Not in the future."})
    row.clean_fields()


def _told(value: Any) -> Any:
    if isinstance(value, User):
        return value.named
    return value.isoformat() if isinstance(value, date) else value


def _record(verb: str, row: Contact, actor: Actor, changes: dict[str, Any]) -> None:
    audit.record(verb, subject=f"contact:{row.pk}", actor=actor, changes=changes)
