"""Every command of every session, as a part of the Action center."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import clock
from core.exports import MAX_ROWS, csv_response
from core.filters import at_cursor
from core.pages import leaf
from core.pagination import Keyset, counted
from live_response.enums import CommandState, Level
from live_response.models import LiveCommand
from live_response.queries.sessions import CommandQuerySet
from live_response.words import WORDS
from remediation.models import ActionRun

ORDER = Keyset(("created", "id"))
WINDOWS = {"1d": ("Day", 1), "7d": ("Week", 7), "30d": ("30 days", 30), "180d": ("6 months", 180)}
FACETS: dict[str, tuple[str, dict[str, str]]] = {
    "level": ("Level", {str(value): str(label) for value, label in Level.choices}),
    "state": ("State", {str(value): str(label) for value, label in CommandState.choices
                        if value in {"succeeded", "failed", "refused", "cancelled", "started"}}),
}  # fmt: skip


@require_safe
@requires(keys.LIVE_BASIC)
def history(request: AccountRequest) -> HttpResponse:
    """The newest first, with filters."""
    rows = _chosen(request)
    page = leaf(rows, ORDER, purpose="live-history", cursor=request.GET.get("cursor", ""))
    window = _window(request)
    context = {
        "rows": page.rows, "total": counted(rows), "facets": _facets(request), "names": list(WORDS),
        "name": _name(request), "windows": WINDOWS, "window": window, "person": _person(request),
        "newer_url": at_cursor(request, page.newer), "older_url": at_cursor(request, page.older),
        "pending_total": counted(ActionRun.objects.visible_to(request.user).top_level().pending()),
    }  # fmt: skip
    return render(request, "live_response/history.html", context)


@require_safe
@requires(keys.LIVE_BASIC)
def export(request: AccountRequest) -> StreamingHttpResponse:
    """The same rows as CSV."""
    rows = _chosen(request).order_by("-created", "-id")[:MAX_ROWS]
    head = ("session", "number", "line", "device", "person", "level", "state", "detail", "typed", "ended", "run")
    return csv_response("live-response-commands", head, _lines(rows))


def _lines(rows: Any) -> Iterator[tuple[Any, ...]]:
    for one in rows:
        place = one.session.number if one.session else f"FQ-{one.query_id}"
        yield (place, one.number, one.line, one.device.display_name, one.typist.name, one.level, one.state, one.detail,
               one.created, one.ended, f"RUN-{one.run_id}" if one.run_id else "")  # fmt: skip


def _chosen(request: AccountRequest) -> CommandQuerySet:
    edge = clock.now() - timedelta(days=WINDOWS[_window(request)][1])
    rows = LiveCommand.objects.visible_to(request.user).filter(created__gte=edge)
    for name, (_, labels) in FACETS.items():
        wanted = [value for value in request.GET.getlist(name) if value in labels]
        rows = rows.filter(**{f"{name}__in": wanted}) if wanted else rows
    if name := _name(request):
        rows = rows.filter(name=name)
    if person := _person(request):
        rows = rows.filter(typed_by__name__icontains=person)
    return rows.select_related("session", "device", "run")


def _window(request: AccountRequest) -> str:
    wanted = request.GET.get("window", "30d")
    return wanted if wanted in WINDOWS else "30d"


def _name(request: AccountRequest) -> str:
    wanted = request.GET.get("name", "")
    return wanted if wanted in WORDS else ""


def _person(request: AccountRequest) -> str:
    return request.GET.get("person", "").replace("\x00", "").strip()[:100]


def _facets(request: AccountRequest) -> list[dict[str, Any]]:
    facets = []
    for name, (label, labels) in FACETS.items():
        chosen = [value for value in request.GET.getlist(name) if value in labels]
        items = []
        for value, text in labels.items():
            rest = request.GET.copy()
            rest.pop("cursor", None)
            rest.setlist(name, [one for one in chosen if one != value] if value in chosen else [*chosen, value])
            items.append({"label": text, "on": value in chosen, "url": f"?{rest.urlencode()}"})
        facets.append({"label": label, "items": items})
    return facets
