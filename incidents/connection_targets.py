"""What is bound to the connections, for their page in the administration: fills `connection.targets` and
`connection.acts`, and `agent.links` with the device that an endpoint agent is bound to."""

from collections.abc import Callable
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from connectors.errors import ConnectorError
from connectors.models import Agent, Connection
from connectors.registry import get_kind
from core import slots
from incidents.models import Device, DeviceBinding, IdentityBinding, MailboxBinding

_TABLES: dict[str, Any] = {"device": DeviceBinding, "account": IdentityBinding, "mailbox": MailboxBinding}
_PLURALS = {"mailbox": "mailbox,mailboxes"}


def fill_connections() -> None:
    slots.fill("connection.targets", slots.Filling(key="bindings", build=count_targets))
    slots.fill("connection.acts", slots.Filling(key="bind-known", build=_offer("Bind what is known", "bind-known")))
    slots.fill(
        "connection.acts", slots.Filling(key="unbind-known", build=_offer("Set free", "unbind-known"), order=110)
    )
    slots.fill("agent.links", slots.Filling(key="device", build=device_link))


def device_link(request: HttpRequest, agent: Agent) -> dict[str, Any] | None:
    """The page of the device that the agent is on, for those who see it."""
    if not isinstance(request.user, User):
        return None
    bound = {"bindings__connection": agent.connection_id, "bindings__remote_id": agent.device_id}
    device = Device.objects.visible_to(request.user).filter(**bound).first()
    if device is None:
        return None
    return {"label": "The device's own page", "icon": "laptop", "url": reverse("incidents:device", args=[device.pk])}


def count_targets(_request: HttpRequest, _subject: None) -> dict[str, Any]:
    found: dict[int, dict[str, int]] = {}
    for kind, table in _TABLES.items():
        for pk, count in table.objects.values_list("connection_id").annotate(Count("pk")).order_by():
            found.setdefault(pk, {})[_PLURALS.get(kind, kind)] = count
    return {"counts": found}


def _offer(label: str, page: str) -> Callable[[HttpRequest, Connection], dict[str, Any] | None]:
    """Only an imitated system lets itself be told what it holds."""

    def offer(_request: HttpRequest, connection: Connection) -> dict[str, Any] | None:
        try:
            told = get_kind(connection.kind).adopt is not None
        except ConnectorError:
            return None
        return {"label": label, "url": reverse(f"incidents:{page}", args=[connection.pk])} if told else None

    return offer
