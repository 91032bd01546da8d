"""Letting an imitated remote side hold what the portal knows, so that actions can be tried on one's own alerts.

Only a kind that is simulated lets itself be told (`Kind.adopt`); a real one says by itself what it manages.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Length

from accounts.models import User
from connectors.enums import FINAL_STATES
from connectors.models import Connection
from connectors.registry import get_kind
from connectors.targets import KnownTarget
from core import audit
from core.actors import Actor
from core.personal import in_history
from incidents.enums import EntityKind
from incidents.models import Device, DeviceBinding, Identity, IdentityBinding, Mailbox, MailboxBinding
from incidents.services.sightings import files_seen_on, messages_seen_in

MOST_AT_ONCE = 2_000
LONGEST_ID = 200
_TABLES: dict[str, tuple[Any, Any]] = {
    EntityKind.DEVICE: (Device, DeviceBinding),
    EntityKind.IDENTITY: (Identity, IdentityBinding),
    EntityKind.MAILBOX: (Mailbox, MailboxBinding),
}
KINDS = tuple(_TABLES)


@dataclass(frozen=True, slots=True)
class Bound:
    """How many were bound or set free now, and how many are left."""

    made: int
    left: int


def bind_known(connection: Connection, *, kinds: Collection[str], user: User, actor: Actor) -> Bound:
    """Put what `user` sees and nothing is bound to into the connection and bind it; what is bound to it already gets
    the files and messages that were seen since. At most `MOST_AT_ONCE` of a kind. Raises `ValidationError`."""
    adopt = get_kind(connection.kind).adopt
    if adopt is None:
        raise ValidationError("This connection leads to a real system, which says by itself what it manages.")
    made = left = 0
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        for kind in (one for one in KINDS if one in kinds):
            unbound = can_be_bound(kind, connection, user)
            found = list(unbound.order_by("pk")[:MOST_AT_ONCE])
            left += unbound.count() - len(found)
            known = [*found, *_held(kind, connection, user)]
            adopt(connection, _as_targets(kind, known))
            made += len(found)
            _bind(kind, found, connection, actor)
    return Bound(made, left)


def unbind_known(connection: Connection, *, user: User, actor: Actor, reason: str) -> Bound:
    """Take away the bindings of what `user` sees, so that it can be bound elsewhere. What has a mitigation in force
    stays bound, because nobody could take it back any more. Raises `ValidationError` while orders are under way."""
    made = left = 0
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        if connection.deliveries.exclude(state__in=FINAL_STATES).exists():
            raise ValidationError("Orders are under way through it. Wait for their end, or cancel them.")
        for kind in KINDS:
            model, table = _TABLES[kind]
            held = list(model.objects.visible_to(user).filter(bindings__connection=connection))
            free = [one for one in held if not any(facet.get("active") for facet in one.mitigation.values())]
            bindings = table.objects.filter(connection=connection, **{f"{kind}__in": free})
            audit.record_many(_entries("binding.removed", kind, free, connection, reason), actor=actor)
            bindings.delete()
            made, left = made + len(free), left + len(held) - len(free)
    return Bound(made, left)


def can_be_bound(kind: str, connection: Connection, user: User) -> Any:
    """Those of the kind that `user` sees and that are bound to nothing. Rows of an exercise stay in its company."""
    model, _ = _TABLES[kind]
    seen = model.objects.visible_to(user).filter(bindings=None, exercise=connection.exercise)
    return seen.alias(length=Length("key")).filter(length__lte=LONGEST_ID)


def _held(kind: str, connection: Connection, user: User) -> list[Any]:
    model, _ = _TABLES[kind]
    held = model.objects.visible_to(user).filter(bindings__connection=connection)
    return list(held.order_by("-last_seen", "pk")[:MOST_AT_ONCE])


def _as_targets(kind: str, entities: Collection[Any]) -> list[KnownTarget]:
    ids = [entity.pk for entity in entities]
    files = files_seen_on(ids) if kind == EntityKind.DEVICE else {}
    messages = messages_seen_in(ids) if kind == EntityKind.MAILBOX else {}
    return [
        KnownTarget(kind, entity.key, str(entity), files.get(entity.pk, {}), messages.get(entity.pk, {}))
        for entity in entities
    ]


def _bind(kind: str, entities: Collection[Any], connection: Connection, actor: Actor) -> None:
    _, table = _TABLES[kind]
    table.objects.bulk_create(
        table(connection=connection, remote_id=entity.key, simulated=True, **{kind: entity}) for entity in entities
    )
    audit.record_many(_entries("binding.made", kind, entities, connection), actor=actor)


def _entries(
    verb: str, kind: str, entities: Collection[Any], connection: Connection, reason: str = ""
) -> list[audit.Entry]:
    return [
        audit.Entry(
            verb,
            f"{kind}:{entity.pk}",
            reason=reason,
            data={"connection": connection.pk, "remote_id": in_history(kind, entity.pk, entity.key), "simulated": True},
        )
        for entity in entities
    ]
