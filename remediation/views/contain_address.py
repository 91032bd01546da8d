"""Containing an IP address, from the pane of an address in the attack story."""

from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.wording import counted
from incidents.models import Incident
from remediation.catalog import get
from remediation.catalog.containment import KEY
from remediation.forms import AskForm
from remediation.models import ActionRun
from remediation.policy import peers
from remediation.refused import Refused
from remediation.services.contain_address import clean_address, contain_address, holder_of
from remediation.services.deciders import who_could_decide
from remediation.services.preview import APPROVAL_BY, NOBODY, approval_in_words
from remediation.views.answers import done
from remediation.views.fetch import incident_for
from remediation.views.titles import where_it_stands


@requires(keys.REQUEST_RESPONSE)
def contain(request: AccountRequest) -> HttpResponse:
    """Says what containing `?address=` would do (GET); asks for it (POST)."""
    values = request.POST if request.method == "POST" else request.GET
    incident = incident_for(request.user, values.get("incident"))
    form, refusal = AskForm(get(KEY), request.POST or None), ""
    try:
        value = clean_address(request.GET.get("address"))
    except ValidationError:
        raise Http404 from None
    try:
        holder_of(value, user=request.user, exercise=incident.exercise if incident else "")
        if request.method == "POST" and form.is_valid():
            run = contain_address(
                value, arguments=form.arguments, comment=form.cleaned_data["reason"], actor=request.actor,
                user=request.user, incident=incident,
            )  # fmt: skip
            return done(request, title=f"Containment of {value} requested",
                        detail=f"{run.number}. {where_it_stands(run)}", run=run,
                        url=reverse("remediation:run", args=[run.pk]))  # fmt: skip
    except Refused as refused:
        refusal = refused.message
    context = {"form": form, "incident": incident, "ask": _ask(value, request, refusal, incident),
               "action": f"{request.path}?{urlencode({'address': value})}"}  # fmt: skip
    return render(request, "remediation/ask.html", context, status=422 if request.method == "POST" else 200)


def _ask(address: str, request: AccountRequest, refusal: str, incident: Incident | None) -> dict[str, object]:
    action = get(KEY)
    asked = peers.enforcers(action, exercise=incident.exercise if incident else "")
    number = asked.visible_to(request.user).count()
    if not number and not refusal:
        refusal = "No device within your device groups has an agent that could enforce it."
    draft = ActionRun(action=KEY, target_kind=action.target_kind, facet=action.facet, device_group_ids=sorted(
        set(asked.visible_to(request.user).values_list("device_group_id", flat=True))))  # fmt: skip
    could = who_could_decide(draft, request.user, target=None, incident=incident)
    shared = "Whatever else has this address, a router or a proxy that many share too, is cut off with it."
    return {
        "title": f"Contain {address}", "verb": "Request containment", "symbol": action.icon, "danger": True,
        "refusal": refusal, "approval": approval_in_words(APPROVAL_BY, could), "checked_by": action.checked_by,
        "happens": " ".join(action.sentences(target=address, arguments={})),
        "undo": "Release from containment, on the page of the device that stands for this address.",
        "warnings": [] if refusal else [*([] if could else [NOBODY]),
                                        f"{counted(number, 'device')} with an agent would enforce it. {shared}"],
    }  # fmt: skip
