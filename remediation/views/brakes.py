"""The page of the brakes: what is stopped, capped, held, protected, and what waits to be ratified."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import keys, step_up
from accounts.guard import AccountRequest, anyone_signed_in, requires
from accounts.models import User
from connectors.models import Halt
from connectors.services import halt
from core.htmx import done
from remediation import acts
from remediation.enums import AssetClass, EmergencyState, RequesterKind
from remediation.forms import ReasonForm
from remediation.models import ActionRun, ApproverRule, EmergencyApproval, ProtectedAsset
from remediation.policy import caps
from remediation.queries.control import holds_visible_to
from remediation.services.stop import go_on, stop_everything
from remediation.views.emergency import emergency_row
from remediation.views.holds import hold_row

MOST = 100


@requires(keys.READ)
def brakes(request: AccountRequest) -> HttpResponse:
    """Everything that slows actions down, in one place."""
    user = request.user
    pending = ActionRun.objects.visible_to(user).top_level().pending().count()
    holds = holds_visible_to(user).filter(lifted_at=None).order_by("-at")[:MOST]
    context = {
        "halt": halt.in_force(),
        "halts": Halt.objects.exclude(ended_at=None).order_by("-at")[:5],
        "may_stop": user.holds(keys.STOP_ALL),
        "may_resume": user.holds(keys.STOP_ALL) and user.holds(keys.DECIDE_RESPONSE),
        "pending": pending,
        "kinds": [kind.label for kind in RequesterKind],
        "caps": _caps() if user.scope.everything else [],
        "emergencies": [emergency_row(one, user) for one in _emergencies(user)],
        "holds": [hold_row(hold, user) for hold in holds],
        "rules": ApproverRule.objects.count(),
        "protected": ProtectedAsset.objects.count(),
        "may_protect": user.holds(keys.MANAGE_SETTINGS),
        "may_name": user.holds(keys.MANAGE_AUTHORIZATION),
        "may_read_refusals": user.holds(keys.READ_AUDIT),
    }
    return render(request, "remediation/brakes.html", context)


def _caps() -> list[dict[str, Any]]:
    """One row for each class, with a cell for each kind of requester."""
    found = caps.all_usage()
    return [{"label": one.label, "cells": [usage for usage in found if usage.asset_class == one]} for one in AssetClass]


def _emergencies(user: User) -> list[EmergencyApproval]:
    """Those that wait to be ratified first, then the last ones."""
    seen = EmergencyApproval.objects.filter(run__in=ActionRun.objects.visible_to(user)).select_related("run")
    waiting = seen.filter(state=EmergencyState.OPEN).order_by("ratify_until")[:MOST]
    return [*waiting, *seen.exclude(state=EmergencyState.OPEN).order_by("-at")[:10]]


@anyone_signed_in
def alarm(request: AccountRequest) -> HttpResponse:
    """The banner above every page, anew."""
    return render(request, "components/alarm.html", {"halt": halt.in_force()})


@requires(keys.STOP_ALL)
def stop(request: AccountRequest) -> HttpResponse:
    """Asks for the reason (GET); stops everything (POST)."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            began = stop_everything(actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error("reason", error)
        else:
            detail = f"{began.held_back} orders held back. {began.on_the_way} had left already."
            return done(request, f"Everything is stopped. {detail}", back=reverse("remediation:brakes"), leave=True)
    ask = {
        "title": "Stop everything", "symbol": "pause", "verb": "Stop everything", "danger": True,
        "happens": "Within seconds no order leaves the portal any more, whoever asked for it.",
        "target_note": "What has left already goes on and is followed to its end.",
        "undo": "Resuming, which is an act of its own.",
    }  # fmt: skip
    status = 422 if request.method == "POST" else 200
    return render(request, "remediation/stop.html", {"form": form, "ask": ask}, status=status)


@requires(keys.STOP_ALL)
@step_up.needs(acts.RESUME)
def resume(request: AccountRequest) -> HttpResponse:
    """Asks for the reason (GET); lets orders leave again (POST)."""
    if not request.user.holds(keys.DECIDE_RESPONSE):
        raise PermissionDenied("Resuming lets actions start: it needs the right to manage responses as well.")
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            go_on(actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
        else:
            return done(request, "Orders leave again", back=reverse("remediation:brakes"), leave=True)
    ask = {
        "title": "Resume", "symbol": "play", "verb": "Resume", "danger": True,
        "happens": "What was held back leaves, each run after every rule was asked anew.",
        "target_note": "Cancel first what must not go on.",
    }  # fmt: skip
    status = 422 if request.method == "POST" else 200
    return render(request, "remediation/stop.html", {"form": form, "ask": ask}, status=status)
