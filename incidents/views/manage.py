"""Managing one incident or the checked ones; assigning to oneself."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core import slots
from core.htmx import done
from core.wording import counted
from incidents.assets import coverages
from incidents.enums import Classification, IncidentStatus
from incidents.forms import ManageForm, assignable, spoken_for
from incidents.models import Incident
from incidents.services.manage import StaleVersion, update_incident
from incidents.views.incident import find_incident

MOST_AT_ONCE = 200
MOST_WARNED = 10
WHAT_COMES_NEXT = "What happened and what to change is written down under Review."
REFRESH = ("#incident-head", "#incident-tabs", "#tab [data-live]", "#pane [data-live]")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def manage(request: AccountRequest) -> HttpResponse:
    """The dialog for one incident (`?id=42`) or for many."""
    incidents = _asked_for(request)
    one = incidents[0] if len(incidents) == 1 else None
    posted = request.POST if request.method == "POST" else None
    form = ManageForm(posted, incidents=incidents, initial=ManageForm.current(one) if one else {})
    were_open = [incident.is_open for incident in incidents]
    if form.is_bound and form.is_valid() and _save(form, request):
        refresh = [*REFRESH, *[f"#incident-{incident.pk}" for incident in incidents]]
        what = one.number if one else counted(len(incidents), "incident")
        if any(were_open) and form.cleaned_data.get("status") == IncidentStatus.RESOLVED:
            return done(request, f"{what} resolved", back=_back(one), refresh=refresh, detail=WHAT_COMES_NEXT)
        return done(request, f"{what} saved", back=_back(one), refresh=refresh)
    context = {"form": form, "one": one, "incidents": incidents, "back": _back(one), **suggestions(request),
               "left_open": _left_open(incidents, request.user), **_left_by_others(request, incidents)}  # fmt: skip
    return render(request, "incidents/manage.html", context, status=422 if form.is_bound else 200)


def _left_open(incidents: list[Incident], user: User) -> list[dict[str, Any]]:
    """What resolving would leave behind, incident by incident: assets that nothing holds, no owner, no verdict."""
    found = []
    for incident in incidents[:MOST_WARNED]:
        if incident.is_open:
            open_assets = [one for one in coverages(incident, user) if one.open_names]
            unclassified = incident.classification == Classification.UNKNOWN
            if open_assets or incident.assigned_to_id is None or unclassified:
                found.append({"incident": incident, "coverages": open_assets, "unclassified": unclassified})
    return found


def _left_by_others(request: AccountRequest, incidents: list[Incident]) -> dict[str, Any]:
    """What later rooms know to be left open: `incident.left_open`, asked for each incident that is open."""
    open_ones = [incident for incident in incidents[:MOST_WARNED] if incident.is_open]
    found = [(one, slots.entries("incident.left_open", request, one)) for one in open_ones]
    return {"left_by_others": [{"incident": one, "entry": entry} for one, entries in found for entry in entries]}


def _asked_for(request: AccountRequest) -> list[Incident]:
    """The named incidents; when one of them is outside the person's reach, nothing is done to any."""
    source = request.POST if request.method == "POST" else request.GET
    wanted = {int(value) for value in source.getlist("id")[:MOST_AT_ONCE] if value.isdecimal() and len(value) < 18}
    found = list(Incident.objects.visible_to(request.user).listed().filter(pk__in=wanted).order_by("pk"))
    if not found or len(found) != len(wanted):
        raise Http404("incidents")
    return found


def _save(form: ManageForm, request: AccountRequest) -> bool:
    """All or none; what does not hold is said in the form."""
    version = form.cleaned_data.get("version")
    try:
        with transaction.atomic():
            for incident in form.incidents:
                update_incident(incident, changes=form.changes_of(incident), actor=request.user.actor,
                                expected_version=version)  # fmt: skip
    except ValidationError as error:
        form.add_error(None, error)
    except StaleVersion:
        form.add_error(None, "Somebody changed this incident while you were here. Close and open it again to see how.")
    return not form.errors


def _back(one: Incident | None) -> str:
    return reverse("incidents:incident", args=[one.pk]) if one else reverse("incidents:queue")


def suggestions(request: AccountRequest) -> dict[str, Any]:
    """People and tags that fields suggest."""
    return {
        "people": [spoken_for(person) for person in assignable()],
        "known_tags": Incident.objects.visible_to(request.user).known_words("custom_tags"),
    }


@require_POST
@requires(keys.MANAGE_ALERTS)
def assign_to_me(request: AccountRequest, pk: int) -> HttpResponse:
    found = find_incident(request, pk)
    update_incident(found, changes={"assigned_to": request.user}, actor=request.user.actor)
    refresh = [*REFRESH, f"#incident-{pk}"]
    return done(request, f"{found.number} is yours", back=_back(found), refresh=refresh)
