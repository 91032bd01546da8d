"""Administration: the connections to real systems, as they are now."""

from typing import Any

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from connectors.enums import FINAL_STATES, DeliveryState
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.registry import all_kinds, get_kind, open_connection
from connectors.services.health import check_health
from core.htmx import done

_OPEN = ~Q(deliveries__state__in=sorted(FINAL_STATES))
_UNKNOWN = Q(deliveries__state=DeliveryState.UNKNOWN)


@require_safe
@requires(keys.MANAGE_SYSTEM)
def connection_list(request: AccountRequest) -> HttpResponse:
    found = Connection.objects.annotate(
        waiting=Count("deliveries", _OPEN & Q(deliveries__isnull=False)), lost=Count("deliveries", _UNKNOWN)
    ).order_by("name")
    rows = [{"connection": connection, **_kind(connection)} for connection in found]
    return render(request, "connectors/connections.html", {"rows": rows, "kinds": all_kinds()})


@require_safe
@requires(keys.MANAGE_SYSTEM)
def connection(request: AccountRequest, pk: int) -> HttpResponse:
    """The side pane: what it can do, how it is set up (without secrets), what it did last."""
    found = get_object_or_404(Connection, pk=pk)
    context = {
        "connection": found,
        **_kind(found),
        "settings": _settings(found),
        "capabilities": _capabilities(found),
        "deliveries": found.deliveries.order_by("-id")[:10],
    }
    return render(request, "connectors/connection.html", context)


@require_POST
@requires(keys.MANAGE_SYSTEM)
def check_connection(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Connection, pk=pk)
    health = check_health(found, actor=request.actor)
    return done(
        request,
        f"{found.name}: {health.label.lower()}",
        detail=found.health_detail,
        back=reverse("connectors:connections"),
        refresh=["#connections"],
    )


def _kind(found: Connection) -> dict[str, Any]:
    """Label and mark of its kind; a kind that was removed is said, not hidden."""
    try:
        kind = get_kind(found.kind)
    except ConnectorError:
        return {"kind_label": f"{found.kind} (not installed)", "simulated": False}
    return {"kind_label": kind.label, "simulated": kind.simulated}


def _settings(found: Connection) -> list[dict[str, Any]]:
    try:
        declared = get_kind(found.kind).settings
    except ConnectorError:
        return []
    return [
        {"label": one.label, "secret": one.secret, "value": found.settings.get(one.name, one.default)}
        for one in declared
    ]


def _capabilities(found: Connection) -> list[str]:
    try:
        return sorted(capability.action for capability in open_connection(found).describe().capabilities)
    except ConnectorError:
        return []
