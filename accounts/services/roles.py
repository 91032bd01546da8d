"""Roles made by administrators; the built-in ones stay as the code says."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from accounts.models import Role
from accounts.services.authority import authority_of, keeping_an_administrator
from core import audit
from core.actors import Actor
from core.permissions import is_registered


def create_role(name: str, *, permissions: Collection[str], actor: Actor) -> Role:
    """A new role. Raises `ValidationError` for a taken name, an unknown key, or a right the actor does not hold."""
    name = name.strip()
    key = slugify(name)[:40]
    _require_known(permissions)
    authority_of(actor).require_keys(permissions)
    if not key or Role.objects.filter(key=key).exists() or Role.objects.filter(name__iexact=name).exists():
        raise ValidationError({"name": "There is a role of this name already."} if key else {"name": "Use letters."})
    with transaction.atomic():
        role = Role.objects.create(key=key, name=name, permissions=sorted(set(permissions)))
        audit.record(
            "role.created",
            subject=f"role:{role.pk}",
            actor=actor,
            data={"name": role.name, "permissions": role.permissions},
        )
    return role


def update_role(role: Role, *, name: str, permissions: Collection[str], actor: Actor) -> Role:
    """Rename a role or change what it grants to everybody who holds it."""
    _require_custom(role)
    _require_known(permissions)
    authority_of(actor).require_keys(set(permissions) | set(role.permissions))
    wanted = sorted(set(permissions))
    if Role.objects.exclude(pk=role.pk).filter(name__iexact=name.strip()).exists():
        raise ValidationError({"name": "There is a role of this name already."})
    changes = {"name": (role.name, name.strip()), "permissions": (role.permissions, wanted)}
    changes = {key: pair for key, pair in changes.items() if pair[0] != pair[1]}
    if changes:
        with transaction.atomic():
            role.name, role.permissions = name.strip(), wanted
            role.save(update_fields=["name", "permissions"])
            audit.record("role.changed", subject=f"role:{role.pk}", actor=actor, changes=changes)
    return role


def demand_second_factor(role: Role, *, needed: bool, grace_days: int, actor: Actor, reason: str = "") -> None:
    """Say whether people of this role, built in or not, need a second factor, and in how many days."""
    authority_of(actor).require_keys(role.permissions)
    wanted = {"needs_second_factor": needed, "grace_days": grace_days}
    changes = {key: (getattr(role, key), value) for key, value in wanted.items() if getattr(role, key) != value}
    if not changes:
        return
    with transaction.atomic():
        for key, value in wanted.items():
            setattr(role, key, value)
        role.save(update_fields=list(wanted))
        audit.record("role.second_factor", subject=f"role:{role.pk}", actor=actor, changes=changes, reason=reason)


def delete_role(role: Role, *, actor: Actor, reason: str = "") -> None:
    """Delete a role of nobody. Raises `ValidationError` while somebody holds it: take it from them first, knowingly."""
    _require_custom(role)
    authority_of(actor).require_keys(role.permissions)
    holders = role.users.count()
    if holders:
        raise ValidationError(f"{holders} {'person holds' if holders == 1 else 'people hold'} this role.")
    with keeping_an_administrator():
        audit.record(
            "role.deleted",
            subject=f"role:{role.pk}",
            actor=actor,
            reason=reason,
            data={"name": role.name, "permissions": role.permissions},
        )
        role.delete()


def _require_custom(role: Role) -> None:
    if role.built_in:
        raise ValidationError(f"{role.name} is built in. Make a role of your own beside it.", code="built_in")


def _require_known(permissions: Collection[str]) -> None:
    unknown = [key for key in permissions if not is_registered(key)]
    if unknown:
        raise ValidationError({"permissions": f"Unknown: {', '.join(unknown)}."})
