"""The buttons that ask an expert, on the pages of incidents, alerts, devices and files."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts import keys
from accounts.models import User
from incidents.models import Alert, Device, File, Identity, Incident, Mailbox
from remediation.models import ExpertRequest

MOST_WAITING = 50
Entity = Device | File | Identity | Mailbox


def entity_button(request: HttpRequest, subject: tuple[Entity, Incident | None]) -> dict[str, Any] | None:
    entity, incident = subject
    if not isinstance(request.user, User) or not isinstance(entity, Device | File):
        return None
    url = reverse("remediation:ask_expert", args=[entity.kind.value, entity.pk])
    allowed = request.user.holds(keys.MANAGE_ALERTS)
    return {
        "symbol": "help",
        "label": "Ask an expert",
        "verb": "Ask",
        "note": "You choose what is shared. Nothing is done to it.",
        "url": f"{url}?incident={incident.pk}" if incident else url,
        "refusal": "" if allowed else "You may not ask: it needs the right to manage alerts.",
    }


def header_button(request: HttpRequest, subject: Incident | Alert) -> dict[str, Any] | None:
    if not isinstance(request.user, User) or not request.user.holds(keys.MANAGE_ALERTS):
        return None
    kind = "incident" if isinstance(subject, Incident) else "alert"
    url = reverse("remediation:ask_expert", args=[kind, subject.pk])
    return {"label": "Ask an expert", "url": url, "icon": "help", "danger": False}


def waiting_section(request: HttpRequest, user: User) -> dict[str, Any] | None:
    """The questions that wait for this person's answer, the most pressing first; nothing where there is none."""
    found = ExpertRequest.objects.to_answer(user).select_related("asker").order_by("due", "pk")
    requests = list(found[:MOST_WAITING])
    return {"requests": requests} if requests else None


def search_results(request: HttpRequest, text: str) -> dict[str, Any] | None:
    """`ASK-7` leads to its thread."""
    number = text.strip().upper().removeprefix("ASK-")
    if not isinstance(request.user, User) or not (number.isascii() and number.isdigit()) or len(number) > 18:
        return None
    found = ExpertRequest.objects.visible_to(request.user).filter(pk=int(number)).distinct()
    results = [
        {
            "url": reverse("remediation:expert_request", args=[one.pk]),
            "label": str(one),
            "meta": one.get_status_display(),
        }
        for one in found
    ]
    return {"label": "Expert requests", "results": results} if results else None
