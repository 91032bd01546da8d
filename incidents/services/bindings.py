"""Which remote object an entity is. No binding, or two, means that nobody may act on it."""

from typing import Any

from django.db import transaction

from connectors.models import Connection
from connectors.registry import get_kind
from core import audit
from core.actors import Actor
from core.personal import in_history
from incidents.models import Device, DeviceBinding, Identity, IdentityBinding, Mailbox, MailboxBinding
from incidents.models.binding import Binding

Bindable = Device | Identity | Mailbox


class NotBound(Exception):
    """The entity is bound to no remote object, or to more than one; `count` says which."""

    def __init__(self, entity: Bindable, count: int) -> None:
        how = "no connection is bound to it" if not count else f"{count} remote objects are bound to it"
        super().__init__(f"{entity}: {how}.")
        self.count = count


def bind(entity: Bindable, *, connection: Connection, remote_id: str, actor: Actor) -> Binding:
    """Say that the entity is this object of this connection. Repeating it changes nothing."""
    model, column = _table(entity)
    with transaction.atomic():
        binding: Binding
        binding, created = model._default_manager.get_or_create(
            connection=connection,
            remote_id=remote_id,
            defaults={column: entity, "simulated": get_kind(connection.kind).simulated},
        )
        if getattr(binding, f"{column}_id") != entity.pk:
            raise ValueError(f"{remote_id} at {connection} is already bound to another {column}.")
        if created:
            _record("binding.made", binding, entity, actor)
    return binding


def unbind(binding: Binding, *, entity: Bindable, actor: Actor) -> None:
    """Take a binding away; what was done through it stays in the history."""
    with transaction.atomic():
        _record("binding.removed", binding, entity, actor)
        binding.delete()


def binding_of(entity: Bindable) -> Binding:
    """The one binding of the entity; raises `NotBound` for none and for two."""
    model, column = _table(entity)
    found: list[Binding] = list(model._default_manager.filter(**{column: entity}).select_related("connection")[:2])
    if len(found) != 1:
        raise NotBound(entity, len(found))
    return found[0]


def _record(verb: str, binding: Binding, entity: Bindable, actor: Actor) -> None:
    audit.record(
        verb,
        subject=f"{entity.kind}:{entity.pk}",
        actor=actor,
        data={
            "connection": binding.connection_id,
            "remote_id": in_history(entity.kind, entity.pk, binding.remote_id),
            "simulated": binding.simulated,
        },
    )


def _table(entity: Bindable) -> tuple[Any, str]:
    if isinstance(entity, Device):
        return DeviceBinding, "device"
    if isinstance(entity, Identity):
        return IdentityBinding, "identity"
    return MailboxBinding, "mailbox"
