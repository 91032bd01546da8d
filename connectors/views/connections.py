"""Administration: the connections, as they are now."""

from typing import Any

from django.db.models import Case, Count, F, Max, Q, When
from django.db.models.functions import Greatest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from connectors.agent_facts import word_of
from connectors.enums import FINAL_STATES, DeliveryState, Health
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.registry import all_kinds, get_kind, open_connection
from connectors.services.health import check_health
from core import slots
from core.htmx import done
from core.wording import counted

_OPEN = ~Q(deliveries__state__in=sorted(FINAL_STATES))
_UNKNOWN = Q(deliveries__state=DeliveryState.UNKNOWN)
# The last time that the remote side took something from us or answered well.
_SEEN = Greatest(Max("deliveries__delivered_at"), Case(When(health=Health.HEALTHY, then=F("checked_at"))))


@require_safe
@requires(keys.MANAGE_SYSTEM)
def connection_list(request: AccountRequest) -> HttpResponse:
    found = Connection.objects.annotate(
        waiting=Count("deliveries", _OPEN & Q(deliveries__isnull=False)),
        lost=Count("deliveries", _UNKNOWN),
        seen_at=_SEEN,
    ).order_by("name")
    targets = _targets(request)
    rows = [
        {"connection": connection, "targets": sum(targets.get(connection.pk, {}).values()), **_kind(connection)}
        for connection in found
    ]
    return render(request, "connectors/connections.html", {"rows": rows, "kinds": all_kinds()})


@require_safe
@requires(keys.MANAGE_SYSTEM)
def connection(request: AccountRequest, pk: int) -> HttpResponse:
    """The side pane: what it can do, how it is set up (without secrets), what it did last."""
    found, words = get_object_or_404(Connection, pk=pk), _words(request)
    context = {
        "connection": found,
        **_kind(found),
        "settings": _settings(found),
        "capabilities": [word_of(action, words) for action in _capabilities(found)],
        "targets": ", ".join(counted(count, *kind.split(",")) for kind, count in _targets(request).get(pk, {}).items()),
        "acts": slots.entries("connection.acts", request, found),
        "deliveries": [
            {"row": row, "word": word_of(row.action, words)} for row in found.deliveries.order_by("-id")[:10]
        ],
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
        refresh=["#connections", "#connection-of-pane"],
    )


def _words(request: AccountRequest) -> dict[str, str]:
    """Key of an action -> its words; told by the room that knows them."""
    return {key: word for entry in slots.entries("agent.orders", request, []) for key, word in entry["words"].items()}


def _targets(request: AccountRequest) -> dict[int, dict[str, int]]:
    """Connection -> kind of target -> how many are bound to it; told by the room that keeps them."""
    found: dict[int, dict[str, int]] = {}
    for entry in slots.entries("connection.targets", request, None):
        for pk, counts in entry["counts"].items():
            found.setdefault(pk, {}).update(counts)
    return found


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
