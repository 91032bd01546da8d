"""The alert page, its pane, and managing an alert."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import slots
from core.htmx import done
from incidents.assets import named_as_seen
from incidents.evidence_marks import with_marks
from incidents.forms import ManageAlertForm, assignable, spoken_for
from incidents.models import Alert
from incidents.services.comment import comment_on
from incidents.services.manage import StaleVersion
from incidents.services.manage_alert import update_alert
from incidents.techniques import technique_name
from incidents.views.manage import REFRESH
from incidents.wording import category_labels, source_label

MOST_EVIDENCE, MOST_RAW = 200, 60_000


def find_alert(request: AccountRequest, pk: int) -> Alert:
    rows = Alert.objects.visible_to(request.user).with_reasons(request.user).select_related("incident", "assigned_to")
    return get_object_or_404(rows, pk=pk)


@require_safe
@requires(keys.READ)
def alert(request: AccountRequest, pk: int) -> HttpResponse:
    """Everything one alert says, and why it is where it is."""
    found = find_alert(request, pk)
    raw = json.dumps(found.additional_data, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    crumbs = [{"label": "Incidents", "url": reverse("incidents:queue")}]
    if found.incident:
        home = reverse("incidents:incident", args=[found.incident.pk, "alerts"])
        crumbs.append({"label": found.incident.number, "url": home})
    context = {**_context(request, found), "crumbs": [*crumbs, {"label": f"Alert {found.pk}"}],
               "acts": slots.entries("alert.header_actions", request, found),
               "raw": raw[:MOST_RAW] if found.additional_data else "", "raw_cut": len(raw) > MOST_RAW}  # fmt: skip
    return render(request, "incidents/alert.html", context)


@require_safe
@requires(keys.READ)
def pane(request: AccountRequest, pk: int) -> HttpResponse:
    return render(request, "incidents/alert_pane.html", _context(request, find_alert(request, pk)))


def _context(request: AccountRequest, found: Alert) -> dict[str, Any]:
    evidence = found.evidence.select_related("device", "file", "identity", "mailbox").order_by("id")
    return {
        "alert": found,
        "evidence": named_as_seen(with_marks(evidence[:MOST_EVIDENCE], request), request.user),
        "evidence_total": found.evidence.count(),
        "links": [link for link in found.links.all() if link.undone is None and link.incident_id == found.incident_id],
        "categories": category_labels(found.categories),
        "techniques": [{"id": key, "name": technique_name(key)} for key in found.mitre_techniques],
        "source": source_label(found.service_source),
        "detection": source_label(found.detection_source),
        "may_manage": request.user.holds(keys.MANAGE_ALERTS),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def manage_alert(request: AccountRequest, pk: int) -> HttpResponse:
    """The dialog for status, owner, classification and a comment."""
    found = find_alert(request, pk)
    form = ManageAlertForm(request.POST or None, initial=ManageAlertForm.current(found))
    back = reverse("incidents:alert", args=[pk])
    if form.is_bound and form.is_valid() and _save(form, found, request):
        return done(request, "Alert saved", back=back, refresh=[*REFRESH, "#alert-head", "#pane"])
    context = {"form": form, "alert": found, "back": back, "verb": "Save",
               "people": [spoken_for(person) for person in assignable()]}  # fmt: skip
    return render(request, "incidents/manage_alert.html", context, status=422 if form.is_bound else 200)


def _save(form: ManageAlertForm, found: Alert, request: AccountRequest) -> bool:
    data, actor = form.cleaned_data, request.user.actor
    try:
        with transaction.atomic():
            update_alert(found, changes=form.changes(), actor=actor, expected_version=data["version"])
            if data["comment"] and found.incident:
                comment_on(found.incident, text=f"On alert {found.pk}: {data['comment']}", actor=actor)
    except ValidationError as error:
        form.add_error(None, error)
    except StaleVersion:
        form.add_error(None, "Somebody changed this alert while you were here. Close and open it again to see how.")
    return not form.errors
