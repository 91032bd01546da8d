"""Fetching and authorising in one line."""

from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.models import User
from incidents.models import Device, File, Identity, Incident, Mailbox
from remediation.models import ActionRun
from remediation.views.links import MODELS

MOST_DIGITS = 18
Target = Device | File | Identity | Mailbox


def run_for(user: User, run_id: int) -> ActionRun:
    """The run, when this person may see it; else 404."""
    runs = ActionRun.objects.visible_to(user).select_related("incident", "connection", "undoes", "parent")
    return get_object_or_404(runs.distinct(), pk=run_id)


def target_for(user: User, kind: str, target_id: int) -> Target:
    """The entity an action would touch, when this person may see it; else 404."""
    if kind not in MODELS:
        raise Http404
    found: Target = get_object_or_404(MODELS[kind].objects.visible_to(user), pk=target_id)  # type: ignore[assignment]
    return found


def incident_for(user: User, incident_id: object) -> Incident | None:
    """The incident a request is made in; None when none is named, 404 when it may not be seen."""
    if not incident_id:
        return None
    number = str(incident_id)
    if not number.isdecimal() or len(number) > MOST_DIGITS:
        raise Http404
    return get_object_or_404(Incident.objects.visible_to(user), pk=int(number))
