"""The recovery tab of an incident: a checklist for each device, and the watched return."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.wording import counted
from incidents.models import Incident
from remediation.cleaning_forms import SaidForm, StartRecoveryForm, StepForm, StepsForm, WatchForm
from remediation.enums import RecoveryState, StepKind, StepState
from remediation.models import ActionRun, Recovery, RecoveryStep
from remediation.refused import Refused
from remediation.services.recover import (
    devices_of,
    reopen_recovery,
    rotations_of,
    set_step,
    set_steps,
    start_recovery,
    start_watch,
    why_not_back,
)
from remediation.views.answers import done
from remediation.views.links import target_link
from remediation.views.sweeps import incident_of, tab_url

TAB = "recovery"
MOST = 200


@requires(keys.READ)
def of_incident(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Every device of the incident with its checklist, those without one below."""
    incident = incident_of(request, incident_id)
    found = Recovery.objects.visible_to(request.user).filter(incident=incident).select_related("device", "alert")
    rows = list(found.prefetch_related(_runs_for(request)).order_by("device__display_name")[:MOST])
    without = devices_of(incident, request.user).exclude(recoveries__incident=incident).order_by("display_name")
    context = {
        "incident": incident,
        "rows": [_row(one) for one in rows],
        "without": without[:MOST],
        "recovered": sum(one.state == RecoveryState.RECOVERED for one in rows),
        "may": request.user.holds(keys.REQUEST_RESPONSE),
        "rotations": rotations_of(rows[0]).visible_to(request.user)[:20] if rows else [],
    }
    return render(request, "remediation/recovery.html", context)


def _runs_for(request: AccountRequest) -> "Prefetch[str]":
    """The runs behind the steps, those that this person may see."""
    return Prefetch("steps__runs", ActionRun.objects.visible_to(request.user))


def _row(recovery: Recovery) -> dict[str, Any]:
    steps = list(recovery.steps.all())
    settled = sum(step.state in {StepState.DONE, StepState.SKIPPED} for step in steps)
    ready = all(
        step.state in {StepState.DONE, StepState.SKIPPED} or not step.required or step.kind == StepKind.WATCHED
        for step in steps
    )
    return {
        "recovery": recovery,
        "steps": steps,
        "settled": settled,
        "why_not": why_not_back(recovery.device) if recovery.state != RecoveryState.RECOVERED else "",
        "may_watch": ready and recovery.state == RecoveryState.OPEN,
    }


@requires(keys.REQUEST_RESPONSE)
def start(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Give devices of the incident a checklist."""
    incident = incident_of(request, incident_id)
    without = list(devices_of(incident, request.user).exclude(recoveries__incident=incident).order_by("display_name"))
    form, refusal = StartRecoveryForm(request.POST or None, devices=without[:MOST]), ""
    if request.method == "POST" and form.is_valid():
        chosen = [one for one in without if str(one.pk) in form.cleaned_data["devices"]]
        try:
            made = start_recovery(incident, devices=chosen, actor=request.actor, user=request.user)
        except (Refused, ValidationError) as no:
            refusal = str(getattr(no, "message", no))
        else:
            return done(request, title="Recovery begun", detail=f"For {counted(len(made), 'device')}.",
                        url=tab_url(incident, TAB))  # fmt: skip
    ask = {"title": f"Recover devices of {incident.number}", "verb": "Begin recovery", "symbol": "refresh",
           "refusal": refusal, "happens": "Each gets a checklist of the steps that the template has now."}  # fmt: skip
    return _dialog(request, form, ask)


@requires(keys.REQUEST_RESPONSE)
def step(request: AccountRequest, recovery_id: int, step_id: int) -> HttpResponse:
    """Say what became of one step."""
    recovery = _recovery(request, recovery_id)
    one = get_object_or_404(RecoveryStep.objects.filter(recovery=recovery), pk=step_id)
    initial = {"note": one.note, "link": one.link}
    form, refusal = StepForm(request.POST or None, initial=initial), ""
    if request.method == "POST" and form.is_valid():
        try:
            set_step(one, **form.cleaned_data, actor=request.actor, user=request.user)
        except Refused as no:
            refusal = no.message
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
        else:
            return done(request, title=one.label, detail=f"{recovery.device}: written down.",
                        url=tab_url(recovery.incident, TAB))  # fmt: skip
    ask = {"title": one.label, "verb": "Save", "symbol": "check", "refusal": refusal, "happens": one.help or one.label}
    return _dialog(request, form, ask, recovery)


@requires(keys.REQUEST_RESPONSE)
def steps(request: AccountRequest, incident_id: int) -> HttpResponse:
    """One step on all checked devices."""
    incident = incident_of(request, incident_id)
    chosen = _checked(request, incident)
    known = {one.label if one.kind == StepKind.FREE else one.kind: one.label
             for recovery in chosen for one in recovery.steps.all()}  # fmt: skip
    form = StepsForm(request.POST or None, steps=list(known.items()))
    if request.method == "POST" and form.is_valid():
        no = set_steps(chosen, **form.cleaned_data, actor=request.actor, user=request.user)
        refused = "; ".join(f"{recovery.device}: {why}" for recovery, why in no[:5])
        title = f"{len(chosen) - len(no)} of {counted(len(chosen), 'device')} written down"
        return done(request, title=title, detail=refused[:400], url=tab_url(incident, TAB))
    ask = {"title": f"One step on {counted(len(chosen), 'device')}", "verb": "Save", "symbol": "check",
           "happens": "Each device is checked by itself; one that cannot stops no other."}  # fmt: skip
    return _dialog(request, form, ask, *chosen)


@requires(keys.REQUEST_RESPONSE)
def watch(request: AccountRequest, recovery_id: int) -> HttpResponse:
    """Begin the watched return."""
    recovery = _recovery(request, recovery_id)
    form, refusal = WatchForm(request.POST or None, initial={"hours": recovery.watch_hours}), ""
    if request.method == "POST" and form.is_valid():
        try:
            start_watch(recovery, hours=form.cleaned_data["hours"], actor=request.actor, user=request.user)
        except Refused as no:
            refusal = no.message
        else:
            return done(request, title="Watched from now on", detail=f"{recovery.device}.",
                        url=tab_url(recovery.incident, TAB))  # fmt: skip
    ask = {"title": f"Watch {recovery.device}", "verb": "Begin watch", "symbol": "eye", "refusal": refusal,
           "happens": "An alert of medium severity or more on it, or one about what this incident knows as bad, "
           "opens the incident again and ends the watch badly."}  # fmt: skip
    return _dialog(request, form, ask, recovery)


@requires(keys.REQUEST_RESPONSE)
def reopen(request: AccountRequest, recovery_id: int) -> HttpResponse:
    """Go through the checklist again."""
    recovery = _recovery(request, recovery_id)
    form, refusal = SaidForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            reopen_recovery(recovery, reason=form.cleaned_data["reason"], actor=request.actor, user=request.user)
        except Refused as no:
            refusal = no.message
        else:
            return done(request, title="Open again", detail=f"{recovery.device}.",
                        url=tab_url(recovery.incident, TAB))  # fmt: skip
    ask = {"title": f"Open the recovery of {recovery.device} again", "verb": "Open again", "symbol": "undo",
           "refusal": refusal, "happens": "Its steps stay as they are; the watched return begins anew."}  # fmt: skip
    return _dialog(request, form, ask, recovery)


def _recovery(request: AccountRequest, pk: int) -> Recovery:
    found = Recovery.objects.visible_to(request.user).select_related("device", "incident")
    return get_object_or_404(found, pk=pk)


def _checked(request: AccountRequest, incident: Incident) -> list[Recovery]:
    values = request.POST if request.method == "POST" else request.GET
    ids = {int(one) for one in values.getlist("id")[:MOST] if one.isdecimal() and len(one) < 18}
    found = Recovery.objects.visible_to(request.user).filter(incident=incident, pk__in=ids)
    rows = list(found.select_related("device", "incident").prefetch_related("steps").order_by("pk"))
    if not rows or len(rows) != len(ids):
        raise Http404
    return rows


def _dialog(request: AccountRequest, form: Any, ask: dict[str, Any], *recoveries: Recovery) -> HttpResponse:
    targets = [target_link("device", one.device_id, str(one.device)) for one in recoveries[:20]]
    context = {"form": form, "ask": ask, "targets": targets, "ids": [one.pk for one in recoveries]}
    return render(request, "remediation/ask.html", context, status=422 if request.method == "POST" else 200)
