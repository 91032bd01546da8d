"""Erasing somebody who worked here: what tells who it was goes, what was done stays."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import step_up
from accounts.enums import UserKind
from accounts.models import ApiToken, User
from accounts.services.authority import authority_of
from accounts.services.sessions import end_all
from core import erasure, personal
from core.actors import Actor

ERASE = step_up.register("erase", "Erasing a person")
USER = "user"


def as_person(user: User) -> erasure.Person:
    return erasure.Person(USER, user.pk, (user.username, user.display_name, user.email))


def objections_to(user: User) -> list[str]:
    """What has to be done first."""
    own = ["The account is switched on: switch it off first."] if user.is_active else []
    return [*own, *erasure.objections(USER, user.pk)]


def erase_user(user: User, *, actor: Actor, reason: str) -> dict[str, int]:
    """Throw the key of the name away, and the name wherever it was copied; answers how many rows of what.

    Raises `ValidationError` with every objection. Cannot be undone.
    """
    if not reason.strip():
        raise ValidationError("Say why: the reason goes into the audit log.")
    if actor.person_id == user.pk:
        raise ValidationError("Somebody else must erase you.", code="same_person")
    authority_of(actor).require_above(user)
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        if row.kind != UserKind.PERSON or row.name_key is None:
            raise ValidationError("There is no person to erase here.")
        if found := objections_to(row):
            raise ValidationError(found)
        end_all(row, actor=actor, reason="The person is erased.")
        counts = erasure.forget(as_person(row), actor=actor, reason=reason)
        _blank(row)
    personal.forget_key(USER, row.pk)
    return counts


def _blank(row: User) -> None:
    blank: dict[str, Any] = {"username": f"erased-{row.pk}", "display_name": personal.gone(USER, row.pk), "email": "",
                             "name_key": None, "time_zone": "", "tables": {}}  # fmt: skip
    for name, value in blank.items():
        setattr(row, name, value)
    row.set_unusable_password()
    row.save(update_fields=[*blank, "password"])
    row.roles.clear()
    row.device_groups.clear()
    ApiToken.objects.filter(user=row).delete()
