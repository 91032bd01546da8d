from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from incidents.entity_facts import incidents_naming
from incidents.models import Incident
from remediation.catalog import registry
from remediation.catalog.action import Action
from remediation.enums import Risk
from remediation.forms import AskForm
from remediation.refused import Refused
from remediation.services.listed import listed_objects
from remediation.services.preview import Preview, preview_action
from remediation.services.request import request_action
from remediation.views.answers import done
from remediation.views.fetch import Target, incident_for, target_for
from remediation.views.links import target_link, why_url
from remediation.views.titles import deed_on, noun_of, where_it_stands

MOST_INCIDENTS = 20


@requires(keys.READ)
def ask(request: AccountRequest, kind: str, target_id: int, action: str) -> HttpResponse:
    """Says what the action would do (GET); asks for it (POST)."""
    target = target_for(request.user, kind, target_id)
    declared = _declared(action, kind)
    offered, listed = _offered(request, target), listed_objects(declared, target, request.user)
    form = AskForm(declared, request.POST or None, incidents=offered, listed=listed)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            return _ask(request, declared, target, form)
        except Refused as refused:
            refusal = refused.message
    context = _context(request, declared, target, form, refusal)
    return render(request, "remediation/ask.html", context, status=422 if request.method == "POST" else 200)


def _declared(key: str, kind: str) -> Action:
    if not registry.is_known(key) or registry.get(key).target_kind != kind:
        raise Http404
    return registry.get(key)


def _offered(request: AccountRequest, target: Target) -> list[Incident]:
    """The open incidents that name the target, the most pressing first; none where the page has said which it is."""
    if request.GET.get("incident") or request.POST.get("fixed"):
        return []
    naming = incidents_naming(target, request.user).open().for_rows()
    offered = list(naming.order_by("-priority_score", "-last_activity", "-id")[:MOST_INCIDENTS])
    chosen = incident_for(request.user, request.POST.get("incident"))
    return offered if chosen is None or chosen in offered else [*offered, chosen]


def _ask(request: AccountRequest, action: Action, target: Target, form: AskForm) -> HttpResponse:
    run = request_action(
        action.key,
        target=target,
        arguments=form.arguments,
        comment=form.cleaned_data["reason"],
        actor=request.user.actor,
        user=request.user,
        incident=incident_for(request.user, request.POST.get("incident")),
    )
    return done(
        request,
        title=f"{action.label} requested",
        detail=f"{run.number} on {run.target_name}. {where_it_stands(run)}",
        url=reverse("remediation:run", args=[run.pk]),
        run=run,
    )


def _context(request: AccountRequest, action: Action, target: Target, form: AskForm, refusal: str) -> dict[str, Any]:
    values = request.POST if request.method == "POST" else request.GET
    incident = incident_for(request.user, values.get("incident"))
    arguments = {one.name: values[one.name] for one in action.parameters if values.get(one.name)}
    preview = preview_action(action.key, target, arguments, request.user, incident=incident)
    if request.method == "GET" and arguments:
        form.initial.update(arguments)
    return {
        "form": form,
        "incident": None if "incident" in form.fields else incident,
        "targets": [target_link(action.target_kind, target.pk, str(target))],
        "ask": {
            "title": deed_on(action, str(target)),
            "why_url": why_url(request.user, action.key, target.pk, str(target)),
            "again": request.path if action.parameters else "",
            **_consequence(action, preview, refusal),
        },
    }


def _consequence(action: Action, preview: Preview, refusal: str) -> dict[str, Any]:
    """What the confirmation says before the click."""
    return {
        "symbol": action.icon or "bolt",
        "happens": " ".join(preview.effects),
        "reach": preview.reach,
        "approval": preview.approval,
        "checked_by": preview.checked_by,
        "undo": preview.undo,
        "warnings": preview.warnings,
        "refusal": refusal or " ".join(blocker.message for blocker in preview.blockers),
        "refusal_url": next((blocker.link for blocker in preview.blockers if blocker.link), ""),
        "verb": f"Request {noun_of(action)}" if action.needs_approval else action.verb,
        "danger": action.risk == Risk.HIGH,
        "simulated": preview.simulated,
    }
