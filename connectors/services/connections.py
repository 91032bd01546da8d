"""Making and changing connections. Secrets go in and never come out."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from connectors.errors import Misconfigured
from connectors.models import Connection
from connectors.registry import Kind, Setting, get_kind
from core import audit
from core.actors import Actor
from core.encryption import decrypt, encrypt

MAX_NAME = 80
SECRETS = "secrets of a connection"
MAX_VALUE = 2_000


def create_connection(
    *, name: str, kind: str, actor: Actor, settings: Mapping[str, Any] | None = None, exercise: str = ""
) -> Connection:
    """A new connection of a kind; raises `ValidationError` when a value is missing, unknown or out of range."""
    declared = _kind(kind)
    open_values, secrets = _split(declared, settings or {})
    with transaction.atomic():
        connection = Connection.objects.create(
            name=_free_name(name), kind=kind, settings=open_values, secrets=_sealed(secrets), exercise=exercise
        )
        audit.record(
            "connection.created",
            subject=_subject(connection),
            actor=actor,
            data={"name": connection.name, "kind": kind, "settings": open_values, "secrets": sorted(secrets)},
        )
    return connection


def update_connection(
    connection: Connection, *, actor: Actor, name: str | None = None, settings: Mapping[str, Any] | None = None
) -> Connection:
    """Change the name or some settings; what is left out, and a secret that is left empty, keeps its value.

    The audit log tells which secrets were set anew, never what they are. Raises `ValidationError`.
    """
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        kept = secrets_of(row)
        declared = _kind(row.kind)
        hidden = {setting.name for setting in declared.settings if setting.secret}
        given = {key: value for key, value in (settings or {}).items() if value != "" or key not in hidden}
        open_values, secrets = _split(declared, {**row.settings, **kept, **given})
        changes = {key: (row.settings.get(key), value) for key, value in open_values.items()
                   if row.settings.get(key) != value}  # fmt: skip
        renewed = sorted(key for key, value in secrets.items() if kept.get(key) != value)
        if name is not None and name.strip() != row.name:
            changes["name"] = (row.name, name.strip())
            row.name = _free_name(name)
        if changes or renewed:
            row.settings, row.secrets = open_values, _sealed(secrets)
            row.save(update_fields=["name", "settings", "secrets"])
            audit.record("connection.changed", subject=_subject(row), actor=actor, changes=changes,
                         data={"secrets": renewed})  # fmt: skip
    return row


def set_enabled(connection: Connection, *, enabled: bool, actor: Actor, reason: str) -> None:
    """Switch a connection on or off; while it is off nothing new is asked of it."""
    with transaction.atomic():
        changed = Connection.objects.filter(pk=connection.pk, enabled=not enabled).update(enabled=enabled)
        if changed:
            audit.record(
                "connection.enabled",
                subject=_subject(connection),
                actor=actor,
                reason=reason,
                changes={"enabled": (not enabled, enabled)},
            )
    connection.enabled = enabled


def delete_connection(connection: Connection, *, actor: Actor, reason: str) -> None:
    """Remove a connection that nothing refers to; raises `ValidationError` that says what does."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if held := held_by(row):
            raise ValidationError(f"It cannot be deleted, because it is {held}. Switch it off instead.", code="in_use")
        audit.record("connection.deleted", subject=_subject(row), actor=actor, reason=reason,
                     data={"name": row.name, "kind": row.kind})  # fmt: skip
        row.delete()


def held_by(connection: Connection) -> str:
    """What refers to the connection, in words; empty when nothing does. Later rooms' tables are found by their keys."""
    found = []
    for relation in Connection._meta.related_objects:
        if relation.on_delete is None or relation.on_delete.__name__ != "PROTECT":
            continue
        model: Any = relation.related_model
        if count := model._default_manager.filter(**{relation.field.name: connection}).count():
            names = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
            found.append(f"{count:,} {names}")
    return f"in use by {' and '.join(found)}" if found else ""


def secrets_of(connection: Connection) -> dict[str, str]:
    """For connectors only."""
    return json.loads(decrypt(bytes(connection.secrets), SECRETS)) if connection.secrets else {}


def _subject(connection: Connection) -> str:
    return f"connection:{connection.pk}"


def _free_name(name: str) -> str:
    text = name.strip()
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise ValidationError({"name": f"A name of 1 to {MAX_NAME} characters is needed."})
    if Connection.objects.filter(name=text).exists():
        raise ValidationError({"name": "There is a connection of this name already."})
    return text


def _kind(key: str) -> Kind:
    try:
        return get_kind(key)
    except Misconfigured as error:
        raise ValidationError({"kind": error.message}) from None


def _split(kind: Kind, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    declared = {setting.name: setting for setting in kind.settings}
    unknown = sorted(set(values) - set(declared))
    if unknown:
        raise ValidationError({"settings": f"{kind.label} has no setting {unknown[0][:60]!r}."})
    filled = {name: _checked(setting, values.get(name, setting.default)) for name, setting in declared.items()}
    secrets = {name: value for name, value in filled.items() if declared[name].secret and value != ""}
    return {name: value for name, value in filled.items() if not declared[name].secret}, secrets


def _checked(setting: Setting, value: Any) -> str:
    """The value as it is stored: a text."""
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    if text is None or len(text) > MAX_VALUE or "\x00" in text:
        raise _wrong(setting, f"a text of at most {MAX_VALUE:,} characters is needed.")
    if text == "":
        if setting.required:
            raise _wrong(setting, "a value is needed.")
        return text
    if setting.between is not None:
        low, high = setting.between
        try:
            fits = low <= float(text) <= high
        except ValueError:
            fits = False
        if not fits:
            raise _wrong(setting, f"a number from {low:g} to {high:g} is needed.")
    return text


def _wrong(setting: Setting, what: str) -> ValidationError:
    return ValidationError({f"settings.{setting.name}": f"{setting.label}: {what}"})


def _sealed(secrets: Mapping[str, Any]) -> bytes | None:
    return encrypt(json.dumps(secrets).encode(), SECRETS) if secrets else None
