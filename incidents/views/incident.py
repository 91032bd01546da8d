"""The incident page: header, banner, tabs; the panel of each tab is a view of its own."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core import slots
from core.htmx import wants_part
from core.pagination import counted
from incidents.assets import sees_all_of, shown_coverage
from incidents.clock_words import clocks_of, pause_of
from incidents.containment import Coverage
from incidents.enums import IncidentStatus
from incidents.evidence_groups import SAME, as_things
from incidents.models import Evidence, Incident
from incidents.services.see_rise import see_rise
from incidents.services.service_levels import show_as_of_now
from notifications.services.watch import follows

# key, label of the tabs this room fills; `panel_url` names the view of the panel.
OWN_TABS = (
    ("story", "Attack story"),
    ("alerts", "Alerts"),
    ("assets", "Assets"),
    ("evidence", "Evidence and response"),
    ("activities", "Activities"),
)
LAST_TABS = ("activities", "review")


@require_safe
@requires(keys.READ)
def incident(request: AccountRequest, pk: int, tab: str = "story") -> HttpResponse:
    """The whole page, or with htmx the panel of one tab."""
    found = find_incident(request, pk)
    if found.status == IncidentStatus.REDIRECTED and found.redirect_incident_id:
        return redirect("incidents:incident", found.redirect_incident_id)
    see_rise(found, actor=request.user.actor, user=request.user)
    tabs = tabs_of(request, found, tab)
    panel = next((entry["panel"] for entry in tabs if entry["key"] == tab), None)
    if panel is None:
        raise Http404(tab)
    if wants_part(request):
        return render(request, "incidents/incident.html#panel", {"incident": found, "panel": panel, "tab": tab})
    context = {**header_of(request, found), "tabs": tabs, "panel": panel, "tab": tab}
    return render(request, "incidents/incident.html", context)


@require_safe
@requires(keys.READ)
def header(request: AccountRequest, pk: int) -> HttpResponse:
    """Header and banner again, after something changed."""
    found = find_incident(request, pk)
    return render(request, "incidents/incident.html#head", header_of(request, found))


@require_safe
@requires(keys.READ)
def tab_strip(request: AccountRequest, pk: int) -> HttpResponse:
    """The tabs with their counts again."""
    found = find_incident(request, pk)
    tabs = tabs_of(request, found, request.GET.get("tab", "story"))
    context = {"incident": found, "tabs": tabs, "tab": request.GET.get("tab", "story")}
    return render(request, "incidents/incident.html#strip", context)


def find_incident(request: AccountRequest, pk: int) -> Incident:
    """The incident if this person may see it; 404 otherwise, so that nobody learns what exists."""
    return get_object_or_404(Incident.objects.visible_to(request.user).select_related("assigned_to"), pk=pk)


def header_of(request: AccountRequest, found: Incident) -> dict[str, Any]:
    user = request.user
    held = device_coverage(request, found)
    show_as_of_now([found])
    return {
        "incident": found,
        "crumbs": [{"label": "Incidents", "url": reverse("incidents:queue")}, {"label": found.number}],
        "may_manage": user.holds(keys.MANAGE_ALERTS),
        "may_hold": user.holds(keys.MANAGE_HOLDS),
        "mine": found.assigned_to_id == user.pk,
        "followed": follows(user, found.thread),
        "coverage": held,
        "banners": slots.entries("incident.banner", request, found),
        "remarks": slots.entries("incident.remarks", request, found),
        "actions": slots.entries("incident.header_actions", request, found),
        "partial_view": not sees_all_of(found, user),
        "clocks": clocks_of(found, held),
        "pause": pause_of(found),
        **_before_and_after(found, user),
    }


def _before_and_after(found: Incident, user: User) -> dict[str, Any]:
    """The resolved incident that this one goes on from, and those that go on from it, if the person sees them."""
    seen = Incident.objects.visible_to(user).listed()
    before = seen.filter(pk=found.continues_id).first() if found.continues_id else None
    return {"continues": before, "continued_in": list(seen.filter(continues=found.pk).order_by("pk")[:10])}


def device_coverage(request: AccountRequest, found: Incident) -> Coverage | None:
    """How many of the devices (or accounts) it reached are contained, when there is something to tell."""
    return shown_coverage(found, request.user)


def tabs_of(request: AccountRequest, found: Incident, current: str) -> list[dict[str, Any]]:
    """Own tabs and those of later rooms, in the order of the page."""
    evidence = as_things(Evidence.objects.visible_to(request.user).filter(alert__incident=found))
    counts = {
        "alerts": found.alert_counts.get("total", 0),
        "assets": _assets(found),
        "evidence": counted(evidence.values(*SAME).distinct()),
    }
    own = {
        key: {"key": key, "label": label, "count": counts.get(key),
              "panel": reverse(f"incidents:tab-{key}", args=[found.pk])}
        for key, label in OWN_TABS
    }  # fmt: skip
    later = [_of_later_room(entry) for entry in slots.entries("incident.tabs", request, found)]
    known = [*own.values(), *later]
    ordered = [entry for entry in known if entry["key"] not in LAST_TABS]
    ordered += [entry for key in LAST_TABS for entry in known if entry["key"] == key]
    return [_placed(entry, found, current) for entry in ordered]


def _of_later_room(entry: dict[str, Any]) -> dict[str, Any]:
    """`page`: its address is a page of its own and no panel."""
    waiting = entry.get("waiting") or entry.get("pill")
    return {"key": entry["key"], "label": entry["label"], "count": entry.get("count"), "waiting": waiting,
            "panel": entry["url"], "page": entry.get("page", False)}  # fmt: skip


def _placed(entry: dict[str, Any], found: Incident, current: str) -> dict[str, Any]:
    address = entry["panel"] if entry.get("page") else reverse("incidents:incident", args=[found.pk, entry["key"]])
    return {**entry, "url": address, "plain": entry.get("page", False), "current": entry["key"] == current}


def _assets(found: Incident) -> int:
    impacted = found.impacted_assets
    return sum(int(impacted.get(name) or 0) for name in ("devices", "identities", "mailboxes"))
