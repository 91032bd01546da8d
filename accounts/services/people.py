"""People and service accounts: make, change, switch off and on, roles and scope."""

from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import transaction

from accounts.enums import ScopeKind, UserKind
from accounts.models import DeviceGroup, Role, User
from accounts.services.authority import authority_of, keeping_an_administrator
from accounts.services.factors import CHANGED
from accounts.services.sessions import end_all
from core import audit, outbox
from core.actors import Actor

EDITABLE = ("display_name", "email")
valid_username = RegexValidator(
    r"\A[a-z0-9][a-z0-9._@+-]{0,79}\Z",
    "A user name has letters, digits and . _ @ + - and begins with a letter or digit.",
)


def create_user(
    username: str,
    *,
    display_name: str,
    roles: Collection[Role],
    actor: Actor,
    email: str = "",
    scope_kind: str = ScopeKind.SELECTED,
    device_groups: Collection[DeviceGroup] = (),
    kind: str = UserKind.PERSON,
    exercise: str = "",
) -> User:
    """A new account without a usable password: `reset_password` gives a person the first one.

    Raises `ValidationError` for a bad or taken name and for rights the actor does not hold.
    """
    name = username.strip().lower()
    valid_username(name)
    authority = authority_of(actor)
    authority.require_keys(key for role in roles for key in role.permissions)
    authority.require_reach(scope_kind, device_groups)
    if User.objects.filter(username__iexact=name).exists():
        raise ValidationError({"username": f"The user name {name} is taken."})
    with transaction.atomic():
        user = User(
            username=name,
            display_name=display_name.strip() or name,
            email=email,
            kind=kind,
            scope_kind=scope_kind,
            exercise=exercise,
        )
        user.set_unusable_password()
        user.save()
        user.roles.set(roles)
        user.device_groups.set(device_groups)
        data = _rights(user) | {"username": user.in_history(name), "kind": kind}
        _record("user.created", user, actor=actor, data=data)
    return user


def update_user(user: User, *, changes: Mapping[str, Any], actor: Actor) -> User:
    """Change the name shown or the address; other keys raise `ValidationError`."""
    unknown = set(changes) - set(EDITABLE)
    if unknown:
        raise ValidationError(f"These cannot be changed: {', '.join(sorted(unknown))}.")
    authority_of(actor).require_above(user)
    changed = {key: (getattr(user, key), value) for key, value in changes.items() if getattr(user, key) != value}
    if not changed:
        return user
    with transaction.atomic():
        for key, (_, value) in changed.items():
            setattr(user, key, value)
        user.full_clean(exclude=["password", "roles", "device_groups"])
        user.save(update_fields=list(changed))
        told = {key: (user.in_history(old), user.in_history(new)) for key, (old, new) in changed.items()}
        _record("user.changed", user, actor=actor, changes=told)
        if "email" in changed:  # where news go, and by what a provider may know them
            outbox.publish(CHANGED, user=user.pk, what="user.address_changed", kind="", by=actor.name)
    return user


def deactivate_user(user: User, *, actor: Actor, reason: str = "") -> None:
    """Switch an account off: open sessions and tokens stop working with the next request."""
    if actor.person_id == user.pk:
        raise ValidationError("You cannot switch yourself off; another administrator must do it.", code="same_person")
    authority_of(actor).require_above(user)
    with keeping_an_administrator():
        if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
            _record("user.deactivated", user, actor=actor, reason=reason, changes={"is_active": (True, False)})
            end_all(user, actor=actor, reason="The account was switched off.")
    user.is_active = False


def reactivate_user(user: User, *, actor: Actor, reason: str = "") -> None:
    authority_of(actor).require_above(user)
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            _record("user.reactivated", user, actor=actor, reason=reason, changes={"is_active": (False, True)})
    user.is_active = True


def set_roles(user: User, *, roles: Collection[Role], actor: Actor, reason: str = "") -> None:
    """Give exactly these roles. Roles that are added or taken away must lie within the actor's own rights."""
    authority_of(actor).require_above(user)
    before, after = set(user.roles.all()), set(roles)
    authority_of(actor).require_keys(key for role in after - before for key in role.permissions)
    if before == after:
        return
    with keeping_an_administrator():
        user.roles.set(after)
        _forget_cached(user)
        changes = {"roles": (sorted(role.name for role in before), sorted(role.name for role in after))}
        _record("user.roles", user, actor=actor, reason=reason, changes=changes)
        if actor.person_id != user.pk:  # who gives away rights of their own goes on with those that are left
            end_all(user, actor=actor, reason="The roles were changed.")


def set_scope(
    user: User, *, scope_kind: str, device_groups: Collection[DeviceGroup], actor: Actor, reason: str = ""
) -> None:
    """Say which device groups somebody may see and act in; `device_groups` counts only with a selected scope."""
    groups = list(device_groups) if scope_kind == ScopeKind.SELECTED else []
    authority = authority_of(actor)
    authority.require_above(user)
    authority.require_reach(scope_kind, groups)
    before = _reach(user)
    with keeping_an_administrator():
        user.scope_kind = scope_kind
        user.save(update_fields=["scope_kind"])
        user.device_groups.set(groups)
        _forget_cached(user)
        if _reach(user) != before:
            _record("user.scope", user, actor=actor, reason=reason, changes={"scope": (before, _reach(user))})


def _reach(user: User) -> list[str]:
    if user.scope_kind == ScopeKind.ALL:
        return [ScopeKind.ALL.label]
    return sorted(user.device_groups.values_list("name", flat=True))


def _rights(user: User) -> dict[str, Any]:
    return {"roles": sorted(role.name for role in user.roles.all()), "scope": _reach(user)}


def _forget_cached(user: User) -> None:
    for name in ("permission_keys", "scope", "role_names"):
        user.__dict__.pop(name, None)


def _record(verb: str, user: User, *, actor: Actor, **more: Any) -> None:
    audit.record(verb, subject=f"user:{user.pk}", thread=f"user:{user.pk}", actor=actor, **more)
