"""The side pane of the queue: what, why this score, what is still open."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from incidents.assets import entity_url, sees_all_of, shown_names
from incidents.clock_words import clocks_of, pause_of
from incidents.enums import IncidentStatus
from incidents.models import Alert, Incident
from incidents.views.incident import device_coverage, find_incident
from incidents.wording import category_labels, source_label


@require_safe
@requires(keys.READ)
def summary(request: AccountRequest, pk: int) -> HttpResponse:
    """One incident in a pane; `at` and `of` say where in the list it stands."""
    found = find_incident(request, pk)
    held = device_coverage(request, found)
    context = {
        "incident": found,
        "story": _story(found, request) if sees_all_of(found, request.user) else "",
        "partial_view": not sees_all_of(found, request.user),
        "factors": factors_of(found),
        "assets": _assets(request, found, held.open_names if held else ()),
        "coverage": held,
        "clocks": clocks_of(found),
        "pause": pause_of(found),
        "categories": category_labels(found.categories),
        "sources": sorted({source_label(name) for name in found.service_sources or found.sources}),
        "at": request.GET.get("at", ""),
        "of": request.GET.get("of", ""),
        "may_manage": request.user.holds(keys.MANAGE_ALERTS),
        "resolved_note": found.resolving_comment if found.status == IncidentStatus.RESOLVED else "",
    }
    return render(request, "incidents/summary.html", context)


def factors_of(found: Incident) -> list[dict[str, Any]]:
    """The factors of the score with their share of the longest bar."""
    rows = [row for row in found.priority_factors if row.get("points")]
    top = max((abs(int(row["points"])) for row in rows), default=1)
    return [{**row, "share": max(0, round(int(row["points"]) / top * 100))} for row in rows]


def _story(found: Incident, request: AccountRequest) -> str:
    """Its summary or description, else the first alert's description; the last is only shown, never stored."""
    if found.summary or found.description:
        return found.summary or found.description
    alerts = Alert.objects.visible_to(request.user).filter(incident=found).exclude(description="")
    return alerts.order_by("first_activity").values_list("description", flat=True).first() or ""


def _assets(request: AccountRequest, found: Incident, still_open: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = shown_names([found], request.user)[found.pk]
    return [
        {"kind": row["kind"], "name": row["name"], "url": entity_url(row["kind"], row["id"]),
         "bad": row["name"] in still_open}
        for row in rows
    ]  # fmt: skip
