"""What is bound to the connections, for their page in the administration: fills `connection.targets` and
`connection.acts`."""

from collections.abc import Callable
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.registry import get_kind
from core import slots
from incidents.models import DeviceBinding, IdentityBinding, MailboxBinding

_TABLES: dict[str, Any] = {"device": DeviceBinding, "account": IdentityBinding, "mailbox": MailboxBinding}
_PLURALS = {"mailbox": "mailbox,mailboxes"}


def fill_connections() -> None:
    slots.fill("connection.targets", slots.Filling(key="bindings", build=count_targets))
    slots.fill("connection.acts", slots.Filling(key="bind-known", build=_offer("Bind what is known", "bind-known")))
    slots.fill(
        "connection.acts", slots.Filling(key="unbind-known", build=_offer("Set free", "unbind-known"), order=110)
    )


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
