"""What people say about an entity: tags, criticality and value."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit
from core.actors import Actor
from incidents.enums import Criticality, DeviceValue
from incidents.models import Device, File, Identity, Mailbox
from incidents.services.changes import clean_tags, one_of

Entity = Device | File | Identity | Mailbox
# A later room may have a word in it: asked with what would change, raises `ValidationError` when it may not.
Guard = Callable[[Any, Mapping[str, Any], Actor], None]
_guards: list[Guard] = []


def guard(ask: Guard) -> None:
    """Ask `ask` before anything that people say of an entity changes."""
    _guards.append(ask)


def describe_entity(entity: Entity, *, changes: dict[str, Any], actor: Actor, reason: str = "") -> Entity:
    """Set `tags`, `criticality` (not on files) and `value` (devices only). Raises `ValidationError`."""
    with transaction.atomic():
        row: Any = type(entity)._default_manager.select_for_update().get(pk=entity.pk)
        wanted = {name: _clean(row, name, value) for name, value in changes.items()}
        before = {name: getattr(row, name) for name in wanted}
        differing = {name: value for name, value in wanted.items() if before[name] != value}
        if not differing:
            return entity
        for ask in _guards:
            ask(row, differing, actor)
        for name, value in differing.items():
            setattr(row, name, value)
        row.version += 1
        row.save(update_fields=[*differing, "version"])
        subject = f"{row.kind.value}:{row.pk}"
        audit.record(f"{row.kind.value}.changed", subject=subject, thread=subject, actor=actor, reason=reason,
                     changes={name: (before[name], value) for name, value in differing.items()})  # fmt: skip
    return row  # type: ignore[no-any-return]


def _clean(row: Any, name: str, value: Any) -> Any:
    if name == "tags":
        return clean_tags(value)
    if name == "criticality" and hasattr(row, name):
        return one_of(value, tuple(Criticality), "Criticality")
    if name == "value" and isinstance(row, Device):
        return one_of(value, tuple(DeviceValue), "Value")
    raise ValidationError(f"{name} cannot be changed on a {row.kind.label.lower()}.")
