"""What an inventory knows about our devices, accounts and mailboxes and no alert says."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from core import audit
from core.actors import Actor
from incidents.models import Device, Identity, Mailbox

DESCRIBABLE: Mapping[type[Device | Identity | Mailbox], frozenset[str]] = {
    Device: frozenset(
        {"display_name", "os_platform", "os_version", "category", "criticality", "value", "exposure_level", "health",
         "onboarding", "internet_facing", "mac_addresses", "logged_on_users", "ip_addresses", "tags"}
    ),
    Identity: frozenset({"display_name", "department", "job_title", "criticality", "is_service", "tags"}),
    Mailbox: frozenset({"display_name", "criticality", "tags"}),
}  # fmt: skip


def describe_assets(
    model: type[Device | Identity | Mailbox], *, facts: Mapping[str, Mapping[str, Any]], actor: Actor
) -> int:
    """Write `{key: {column: value}}`; keys nobody knows are passed over. Raises `LookupError` for other columns.

    One audit event for all: an inventory is told of as one arrival. Returns how many rows were described.
    """
    columns = {column for values in facts.values() for column in values}
    if foreign := columns - DESCRIBABLE[model]:
        raise LookupError(f"An inventory does not say {', '.join(sorted(foreign))}.")
    table: Any = model._default_manager
    with transaction.atomic():
        rows = list(table.select_for_update().filter(key__in=facts).order_by("pk"))
        for row in rows:
            for column, value in facts[row.key].items():
                setattr(row, column, value)
        table.bulk_update(rows, sorted(columns), batch_size=200)
        kind = model._meta.model_name
        audit.record("inventory.read", subject=f"inventory:{kind}", actor=actor, data={"rows": len(rows)})
    return len(rows)
