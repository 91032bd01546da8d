"""Addresses of targets and incidents as the pages of remediation show them."""

from typing import Any

from incidents.enums import EntityKind
from incidents.models import Device, File, Identity, Incident, Mailbox

MODELS: dict[str, type[Device] | type[File] | type[Identity] | type[Mailbox]] = {
    EntityKind.DEVICE: Device,
    EntityKind.FILE: File,
    EntityKind.IDENTITY: Identity,
    EntityKind.MAILBOX: Mailbox,
}
_PATHS = {
    EntityKind.DEVICE: "devices",
    EntityKind.FILE: "files",
    EntityKind.IDENTITY: "identities",
    EntityKind.MAILBOX: "mailboxes",
}


def target_link(kind: str, target_id: int, name: str) -> dict[str, Any]:
    """A target as the `entity` chip wants it."""
    return {"kind": kind, "name": name, "url": f"/{_PATHS[EntityKind(kind)]}/{target_id}/", "bad": False}


def incident_link(incident: Incident | None) -> dict[str, str] | None:
    if incident is None:
        return None
    return {"label": incident.number, "url": f"/incidents/{incident.pk}/", "name": incident.display_name}
