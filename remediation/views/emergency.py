"""Approving alone in an emergency, and what somebody else says to it afterwards."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core import options
from incidents.models import Incident
from remediation import acts, policy
from remediation.about import happens
from remediation.enums import EmergencyState
from remediation.forms import ReasonForm
from remediation.models import ActionRun, EmergencyApproval
from remediation.policy import settings
from remediation.refused import Refused
from remediation.services.emergency import approve_alone, disown, ratify
from remediation.views.answers import done
from remediation.views.chosen import to_decide_on
from remediation.views.fetch import run_for
from remediation.views.links import target_link
from remediation.views.titles import title_of

MOST = 10


@requires(keys.APPROVE_ALONE)
def alone(request: AccountRequest, run_id: int) -> HttpResponse:
    """Says what approving without a second person means (GET); does it (POST)."""
    run = run_for(request.user, run_id)
    step_up.require(request, acts.APPROVE_ALONE)
    hours = options.get(settings.RATIFY_HOURS)
    told = to_decide_on(run, request.user)
    words = {
        **told,
        "title": f"Approve alone: {title_of(run)}", "verb": "Approve alone", "symbol": "warn", "danger": True,
        "happens": happens(run),
        "approval": f"You alone. Somebody else must ratify it within {hours} hours, or the portal rolls it back.",
        "undo": "Rolled back by the portal unless it is ratified.",
        "warnings": ["Everybody who may decide is told now, with your reason.", *told["warnings"]],
        "refusal": why_not_alone(run, request.user),
    }  # fmt: skip
    return _act(request, run, lambda **said: approve_alone(run, **said), words, "Approved alone")


@requires(keys.DECIDE_RESPONSE)
def ratify_run(request: AccountRequest, run_id: int) -> HttpResponse:
    """Agree afterwards with what one person approved."""
    run = run_for(request.user, run_id)
    approval = get_object_or_404(EmergencyApproval.objects.select_related("run"), run=run)
    words = {"title": f"Ratify: {title_of(run)}", "verb": "Ratify", "symbol": "check",
             "happens": "It counts as approved by two people. Nothing is rolled back.",
             "target_note": f"Approved by {approval.by['name']} alone: {approval.reason}"}  # fmt: skip
    return _act(request, run, lambda **said: ratify(approval, **said), words, "Ratified")


@requires(keys.DECIDE_RESPONSE)
def disown_run(request: AccountRequest, run_id: int) -> HttpResponse:
    """Do not agree: it is rolled back at once."""
    run = run_for(request.user, run_id)
    approval = get_object_or_404(EmergencyApproval.objects.select_related("run"), run=run)
    words = {"title": f"Roll back: {title_of(run)}", "verb": "Roll back", "symbol": "undo", "danger": True,
             "happens": "The portal takes it back now, without asking anybody else.",
             "target_note": f"Approved by {approval.by['name']} alone: {approval.reason}"}  # fmt: skip
    return _act(request, run, lambda **said: disown(approval, **said), words, "Rolled back")


def _act(
    request: AccountRequest, run: ActionRun, verb: Callable[..., Any], words: dict[str, Any], title: str
) -> HttpResponse:
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            verb(actor=request.actor, user=request.user, comment=form.cleaned_data["reason"])
        except Refused as refused:
            words = {**words, "refusal": refused.message}
        else:
            url = reverse("remediation:run", args=[run.pk])
            return done(request, title=title, detail=f"{run.number}, {title_of(run)}.", url=url)
    targets = [target_link(run.target_kind, run.target_id, run.target_name)]
    context = {"form": form, "targets": targets, "ask": {"simulated": run.simulated, **words}}
    return render(request, "remediation/ask.html", context, status=422 if request.method == "POST" else 200)


def why_not_alone(run: ActionRun, user: User) -> str:
    """Why this person may not approve it alone; empty when they may."""
    question = policy.of_decision(run, actor=user.actor, user=user, deed="approve", alone=True)
    question.dry = True
    try:
        policy.enforce(question)
    except Refused as refused:
        return refused.message
    return ""


def open_emergencies(user: User, incident: Incident | None = None) -> list[dict[str, Any]]:
    """What waits to be ratified, the most pressing first, as banners show it; of one incident, or of all."""
    runs = ActionRun.objects.visible_to(user)
    seen = runs if incident is None else runs.filter(incident=incident)
    waiting = EmergencyApproval.objects.filter(state=EmergencyState.OPEN, run__in=seen).select_related("run")
    return [emergency_row(one, user) for one in waiting.order_by("ratify_until")[:MOST]]


def emergency_row(approval: EmergencyApproval, user: User) -> dict[str, Any]:
    """One emergency approval as lists and banners show it."""
    run = approval.run
    return {
        "approval": approval,
        "run": run,
        "title": title_of(run),
        "url": reverse("remediation:run", args=[run.pk]),
        "open": approval.state == EmergencyState.OPEN,
        "may_settle": user.pk not in {approval.by_id, run.requester_id} and user.holds(keys.DECIDE_RESPONSE),
    }
