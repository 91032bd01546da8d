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
        _record("contact.added", row, actor, {name: (None, _told(row, name)) for name in sorted(values)})
    return row


def change_contact(
    contact: Contact, *, changes: dict[str, Any], actor: Actor, expected_version: int | None = None
) -> Contact:
    """Raises `ValidationError`, `StaleContact`."""
    with transaction.atomic():
        row = Contact.objects.select_for_update().get(pk=contact.pk)
        if expected_version is not None and row.version != expected_version:
            raise StaleContact
        cleaned = _clean(changes)
        before = {name: (getattr(row, name), _told(row, name)) for name in cleaned}
        for name, value in cleaned.items():
            setattr(row, name, value)
        differing = {
            name: (told, _told(row, name)) for name, (old, told) in before.items() if old != getattr(row, name)
        }
        if not differing:
            return row
        _check(row)
        row.updated, row.version = clock.now(), row.version + 1
        row.save()
        _record("contact.changed", row, actor, differing)
    return row


def review_contact(contact: Contact, *, actor: Actor) -> Contact:
    """Somebody made sure that it is still so."""
    return change_contact(contact, changes={"reviewed": clock.now().date()}, actor=actor)


def remove_contact(contact: Contact, *, actor: Actor, reason: str) -> None:
    with transaction.atomic():
        data = {name: _told(contact, name) for name in sorted(CHANGEABLE)}
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


def _told(row: Contact, name: str) -> Any:
    """As the history keeps it: how somebody with an account is reached goes when they are erased."""
    value = getattr(row, name)
    if isinstance(value, User):
        return value.named
    if isinstance(value, date):
        return value.isoformat()
    owner = {"phone": row.person, "mail": row.person, "deputy_phone": row.deputy, "deputy_mail": row.deputy}.get(name)
    return owner.in_history(value) if owner and value else value


def _record(verb: str, row: Contact, actor: Actor, changes: dict[str, Any]) -> None:
    audit.record(verb, subject=f"contact:{row.pk}", actor=actor, changes=changes)
