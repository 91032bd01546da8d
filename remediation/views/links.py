"""Addresses of targets and incidents as the pages of remediation show them."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.models import User
from incidents.enums import EntityKind
from incidents.models import Device, File, Identity, Incident, Mailbox
from remediation.models import ActionRun

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


def why_url(user: User, action: str, target_id: int, name: str) -> str:
    """The page that says why this person can or cannot do that there."""
    query = {"person": user.pk, "action": action, "target": name[:255], "id": target_id}
    return f"{reverse('remediation:why')}?{urlencode(query)}"


def incident_link(incident: Incident | None) -> dict[str, str] | None:
    return _link(incident) if incident else None


def _link(incident: Incident) -> dict[str, str]:
    return {"label": incident.number, "url": f"/incidents/{incident.pk}/"}


def named_incident(run: ActionRun, user: User) -> dict[str, str] | None:
    """The link with the incident's name, as this person may read it; without a name when they may not see it."""
    if run.incident is None:
        return None
    seen = Incident.objects.visible_to(user).filter(pk=run.incident.pk).first()
    return {**_link(run.incident), "name": seen.display_name if seen else ""}
