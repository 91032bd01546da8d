"""Making and changing connections. Secrets go in and never come out."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from connectors.errors import Misconfigured
from connectors.models import Connection
from connectors.registry import Kind, get_kind
from core import audit
from core.actors import Actor
from core.encryption import decrypt, encrypt


def create_connection(
    *, name: str, kind: str, actor: Actor, settings: Mapping[str, Any] | None = None, exercise: str = ""
) -> Connection:
    """A new connection of a kind; raises `ValidationError` when a value is missing or unknown."""
    declared = _kind(kind)
    open_values, secrets = _split(declared, settings or {})
    with transaction.atomic():
        connection = Connection.objects.create(
            name=name, kind=kind, settings=open_values, secrets=_sealed(secrets), exercise=exercise
        )
        audit.record(
            "connection.created",
            subject=f"connection:{connection.pk}",
            actor=actor,
            data={"name": name, "kind": kind, "settings": open_values, "secrets": sorted(secrets)},
        )
    return connection


def set_enabled(connection: Connection, *, enabled: bool, actor: Actor, reason: str) -> None:
    """Switch a connection on or off; while it is off nothing new is asked of it."""
    with transaction.atomic():
        changed = Connection.objects.filter(pk=connection.pk, enabled=not enabled).update(enabled=enabled)
        if changed:
            audit.record(
                "connection.enabled",
                subject=f"connection:{connection.pk}",
                actor=actor,
                reason=reason,
                changes={"enabled": (not enabled, enabled)},
            )
    connection.enabled = enabled


def secrets_of(connection: Connection) -> dict[str, str]:
    """For connectors only."""
    return json.loads(decrypt(bytes(connection.secrets))) if connection.secrets else {}


def _kind(key: str) -> Kind:
    try:
        return get_kind(key)
    except Misconfigured as error:
        raise ValidationError({"kind": error.message}) from None


def _split(kind: Kind, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    declared = {setting.name: setting for setting in kind.settings}
    unknown = sorted(set(values) - set(declared))
    if unknown:
        raise ValidationError({"settings": f"{kind.label} has no setting {unknown[0]!r}."})
    filled = {name: values.get(name, setting.default) for name, setting in declared.items()}
    missing = [declared[name].label for name, value in filled.items() if declared[name].required and value == ""]
    if missing:
        raise ValidationError({"settings": f"{missing[0]} is needed."})
    secrets = {name: value for name, value in filled.items() if declared[name].secret and value != ""}
    return {name: value for name, value in filled.items() if not declared[name].secret}, secrets


def _sealed(secrets: Mapping[str, Any]) -> bytes | None:
    return encrypt(json.dumps(secrets).encode()) if secrets else None
