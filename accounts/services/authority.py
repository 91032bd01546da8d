"""Nobody gives away what they do not hold, and the last administrator stays."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.enums import BuiltInRole, ScopeKind, UserKind
from accounts.models import ApiToken, DeviceGroup, Role, User
from accounts.scope import Scope
from core.actors import Actor, ActorKind
from core.permissions import label_of


@dataclass(frozen=True, slots=True)
class Authority:
    """What an actor may hand on: permission keys and reach. `keys` None is the system itself, which may everything."""

    keys: frozenset[str] | None
    scope: Scope

    def require_keys(self, keys: Iterable[str]) -> None:
        """Raises `ValidationError` naming the rights that the actor does not hold."""
        missing = sorted(set(keys) - self.keys) if self.keys is not None else []
        if missing:
            names = ", ".join(label_of(key) for key in missing)
            raise ValidationError(f"You cannot grant rights that you do not hold: {names}.", code="escalation")

    def require_reach(self, scope_kind: str, groups: Collection[DeviceGroup]) -> None:
        """Raises `ValidationError` when the scope goes beyond the actor's own."""
        if self.scope.everything:
            return
        if scope_kind == ScopeKind.ALL:
            raise ValidationError("You do not see all device groups, so you cannot grant them.", code="escalation")
        beyond = [group.name for group in groups if not self.scope.covers(group.pk)]
        if beyond:
            raise ValidationError(
                f"These device groups are outside your own scope: {', '.join(beyond)}.", code="escalation"
            )

    def require_above(self, user: User) -> None:
        """Raises `ValidationError` when the other holds more: a new password would be a way into their rights."""
        try:
            self.require_keys(key for role in user.roles.all() for key in role.permissions)
            self.require_reach(user.scope_kind, list(user.device_groups.all()))
        except ValidationError:
            raise ValidationError(
                f"{user} holds rights that you do not hold; somebody who holds them must do this.", code="escalation"
            ) from None


def authority_of(actor: Actor) -> Authority:
    """What the actor may hand on now. A token hands on no more than it may itself."""
    if actor.kind == ActorKind.SYSTEM:
        return Authority(None, Scope(True))
    user = User.objects.filter(pk=actor.person_id).first() if actor.person_id else None
    if user is None:
        return Authority(frozenset(), Scope(False))
    if actor.kind == ActorKind.TOKEN:
        token = ApiToken.objects.get(pk=int(actor.id))
        return Authority(token.keys_within(user.permission_keys), user.scope)
    return Authority(user.permission_keys, user.scope)


@contextmanager
def keeping_an_administrator() -> Iterator[None]:
    """A transaction that is refused when it would leave nobody who can administer the whole portal.

    The role's row is locked, so that two administrators cannot remove each other at the same moment.
    """
    with transaction.atomic():
        Role.objects.select_for_update().get(key=BuiltInRole.ADMINISTRATOR)
        had_one = _administrators_exist()
        yield
        if had_one and not _administrators_exist():
            raise ValidationError(
                "This is the last active administrator who sees all device groups. Make another one first.",
                code="last_administrator",
            )


def _administrators_exist() -> bool:
    return User.objects.filter(
        is_active=True, kind=UserKind.PERSON, scope_kind=ScopeKind.ALL, roles__key=BuiltInRole.ADMINISTRATOR
    ).exists()
