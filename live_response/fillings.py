"""What this room shows on the pages of earlier rooms, by slot."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from accounts import keys
from accounts.models import User
from core.slots import Filling, fill
from incidents.models import Device, File, Identity, Incident, Mailbox
from live_response.models import LiveCommand, LiveSession
from live_response.services.sessions import why_not

Entity = Device | File | Identity | Mailbox
MOST_DIGITS = 18


def fill_slots() -> None:
    """Called once, when all apps are ready."""
    fill("entity.respond", Filling("live_response", device_button, order=45))
    fill("entity.state", Filling("live_response", device_pill))
    fill("action_center.tabs", Filling("live_response", history_tab))
    fill("search.results", Filling("live_sessions", search_results))


def device_button(request: HttpRequest, subject: tuple[Entity, Incident | None]) -> dict[str, Any] | None:
    """Opens a session, or leads to the one that is open, or says why there cannot be one."""
    entity, incident = subject
    user = request.user
    if not isinstance(user, User) or not isinstance(entity, Device) or not user.holds(keys.LIVE_BASIC):
        return None
    act: dict[str, Any] = {
        "symbol": "probe", "label": "Live response", "verb": "Open session",
        "note": "Typed commands on the device itself, each recorded.",
    }  # fmt: skip
    held = LiveSession.objects.visible_to(user).open().filter(device=entity).first()
    if held is not None:
        said = "Your session is open" if held.user_id == user.pk else f"{held.opener.name} has a session open"
        url = reverse("live_response:console", args=[held.pk])
        return act | {"run_text": said, "run_number": held.number, "run_url": url}
    refusal = why_not(entity, user)
    query = f"?{urlencode({'incident': incident.pk})}" if incident else ""
    return act | {"refusal": refusal, "url": reverse("live_response:open", args=[entity.pk]) + query}


def device_pill(request: HttpRequest, subject: tuple[Entity, Incident | None]) -> dict[str, Any] | None:
    """That somebody works on the device right now."""
    user, entity = request.user, subject[0]
    if not isinstance(user, User) or not isinstance(entity, Device) or not user.holds(keys.LIVE_BASIC):
        return None
    held = LiveSession.objects.visible_to(user).open().filter(device=entity).first()
    return {"text": f"Live response: {held.opener.name}", "kind": "new", "icon": "probe"} if held else None


def history_tab(request: HttpRequest, _subject: Any) -> dict[str, Any] | None:
    """The commands, beside the history of actions."""
    user = request.user
    if not isinstance(user, User) or not user.holds(keys.LIVE_BASIC):
        return None
    return {"label": "Live response", "url": reverse("live_response:history"), "name": "live_response"}


def search_results(request: HttpRequest, text: str) -> dict[str, Any] | None:
    """`LR-12` leads to its session."""
    user = request.user
    number = text.strip().upper().removeprefix("LR-")
    if not isinstance(user, User) or not user.holds(keys.LIVE_BASIC) or not number.isdecimal():
        return None
    if len(number) > MOST_DIGITS or not text.strip().upper().startswith("LR-"):
        return None
    found = LiveSession.objects.visible_to(user).filter(pk=int(number)).select_related("device")
    results = [
        {"url": reverse("live_response:console", args=[one.pk]), "label": str(one), "meta": one.get_state_display()}
        for one in found
    ]
    return {"label": "Live response", "results": results} if results else None


def sessions_of(incident: Incident, user: User) -> Any:
    """The sessions that the incident's history tells this person of."""
    return LiveSession.objects.visible_to(user).filter(incident=incident)


def commands_of(incident: Incident, user: User) -> Any:
    """The commands that the incident's history tells this person of."""
    return LiveCommand.objects.visible_to(user).filter(session__incident=incident)
