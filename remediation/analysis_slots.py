"""What deep analysis shows on the page of a file: a button, the newest report in short, and that it has one."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts import keys
from accounts.models import User
from incidents.models import Device, File, Identity, Incident, Mailbox
from remediation.models import DeepAnalysis

Entity = Device | File | Identity | Mailbox


def file_button(request: HttpRequest, subject: tuple[Entity, Incident | None]) -> dict[str, Any] | None:
    """Submit the file, or look at what is under way."""
    entity, incident = subject
    user = request.user
    if not isinstance(user, User) or not isinstance(entity, File):
        return None
    shown = {"symbol": "scan", "label": "Deep analysis", "verb": "Analyse", "danger": False}
    newest = DeepAnalysis.objects.visible_to(user).filter(file=entity).order_by("-created", "-pk").first()
    if newest is not None and newest.is_open:
        return {**shown, "run_text": newest.get_state_display(), "run_number": newest.number, "waits": True,
                "run_url": reverse("remediation:analysis", args=[newest.pk])}  # fmt: skip
    url = reverse("remediation:submit_analysis", args=[entity.pk])
    allowed = user.holds(keys.REQUEST_ANALYSIS)
    return {
        **shown,
        "note": "It is looked at and run in a sandbox. Nothing is done to the file.",
        "url": f"{url}?incident={incident.pk}" if incident else url,
        "refusal": "" if allowed else "You may not submit files: it needs the right to ask for deep analysis.",
    }


def file_tab(request: HttpRequest, entity: Entity) -> dict[str, Any] | None:
    """On the page of a file, the newest summary with those before it."""
    if not isinstance(entity, File):
        return None
    return {"label": "Deep analysis", "url": reverse("remediation:analyses_of_file", args=[entity.pk])}


def action_center_tab(request: HttpRequest, _: object) -> dict[str, Any]:
    """All of them, beside the other things that were asked for."""
    return {"label": "Deep analysis", "url": reverse("remediation:analyses"), "name": "analyses"}


def search_results(request: HttpRequest, text: str) -> dict[str, Any] | None:
    """`ANL-7` leads to its report."""
    number = text.strip().upper().removeprefix("ANL-")
    if not isinstance(request.user, User) or not (number.isascii() and number.isdigit()) or len(number) > 18:
        return None
    found = DeepAnalysis.objects.visible_to(request.user).filter(pk=int(number))
    results = [{"url": reverse("remediation:analysis", args=[one.pk]), "label": str(one),
                "meta": one.get_state_display()} for one in found]  # fmt: skip
    return {"label": "Deep analyses", "results": results} if results else None
