"""What clearing up and custody show on earlier pages."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from incidents.models import Incident
from remediation.enums import FindingState, RecoveryState
from remediation.models import Custody, Recovery, SweepFinding
from remediation.services.recover import devices_of


def sweep_tab(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    """How many findings are open."""
    if not isinstance(request.user, User):
        return None
    found = SweepFinding.objects.visible_to(request.user).filter(incident=incident)
    count = found.filter(state__in=[FindingState.FOUND, FindingState.ASKED]).count()
    return {"label": "Sweep", "url": reverse("remediation:sweeps_of_incident", args=[incident.pk]), "count": count}


def recovery_tab(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    if not isinstance(request.user, User):
        return None
    open_ones = Recovery.objects.visible_to(request.user).filter(incident=incident)
    count = open_ones.exclude(state=RecoveryState.RECOVERED).count()
    url = reverse("remediation:recoveries_of_incident", args=[incident.pk])
    return {"label": "Recovery", "url": url, "count": count}


def custody_tab(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    if not isinstance(request.user, User):
        return None
    count = Custody.objects.visible_to(request.user).filter(incident=incident).count()
    return {"label": "Custody", "url": reverse("remediation:custody_of_incident", args=[incident.pk]), "count": count}


def artefacts_tab(request: HttpRequest, _subject: Any) -> dict[str, Any]:
    return {"label": "Artifacts", "name": "artefacts", "url": reverse("remediation:artefacts")}


def quarantine_tab(request: HttpRequest, _subject: Any) -> dict[str, Any]:
    return {"label": "Quarantine", "name": "quarantine", "url": reverse("remediation:quarantine")}


def left_open(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    """What resolving would leave behind: devices that are not recovered, and findings that are still there."""
    user = request.user
    if not isinstance(user, User):
        return None
    begun = Recovery.objects.visible_to(user).filter(incident=incident).select_related("device")
    waiting = [f"{one.device} ({one.get_state_display().lower()})" for one in
               begun.exclude(state=RecoveryState.RECOVERED).order_by("device__display_name")]  # fmt: skip
    rest = devices_of(incident, user).exclude(recoveries__incident=incident).order_by("display_name")
    names = [*waiting, *map(str, rest[:50])]
    found = SweepFinding.objects.visible_to(user).filter(incident=incident)
    traces = found.filter(state__in=[FindingState.FOUND, FindingState.ASKED]).count()
    if not names and not traces:
        return None
    return {"devices": names, "traces": traces}
