"""What indicators show on earlier pages: a button to block a hash, address or URL, and that one is in force already."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from accounts import keys
from accounts.models import User
from incidents.models import Device, Evidence, File, Identity, Incident, Mailbox
from remediation.enums import IndicatorType
from remediation.indicator_values import clean_value
from remediation.models import Indicator, IndicatorHit
from remediation.services.find_indicators import Found, hashes_of, indicators_on, indicators_on_file
from remediation.services.indicator_hits import key_of_evidence

Entity = Device | File | Identity | Mailbox
# The kind of a node in the attack story -> what an indicator calls it.
NODE_TYPES = {"ip": IndicatorType.IP, "url": IndicatorType.URL, "domain": IndicatorType.DOMAIN}
_NOUNS = {IndicatorType.IP: "address", IndicatorType.URL: "URL", IndicatorType.DOMAIN: "domain"}
_PILLS = {"allowed": ("ok", "check"), "audit": ("line", "eye"), "warn": ("warn", "warn")}


def file_button(request: HttpRequest, subject: tuple[Entity, Incident | None]) -> dict[str, Any] | None:
    """Block this hash, in the pane and on the page of a file."""
    entity, incident = subject
    user = request.user
    if not isinstance(user, User) or not isinstance(entity, File) or not (hashes := hashes_of(entity)):
        return None
    kind, value = hashes[0]
    query = {"type": kind, "value": value, "file": str(entity.pk)}
    return _button("hash", query, incident, user, indicators_on_file(entity, user=user))


def evidence_button(request: HttpRequest, subject: tuple[str, str, Incident]) -> dict[str, Any] | None:
    """Block this address, URL or domain, in the pane of a node that is no entity."""
    kind, text, incident = subject
    user, wanted = request.user, NODE_TYPES.get(kind)
    if not isinstance(user, User) or wanted is None:
        return None
    try:
        value = clean_value(wanted, text)
    except ValidationError as error:
        return _refused(_NOUNS[wanted], " ".join(error.messages))
    query = {"type": wanted.value, "value": value}
    return _button(_NOUNS[wanted], query, incident, user, indicators_on(wanted, value, user=user))


def entity_pill(request: HttpRequest, subject: tuple[Entity, Incident | None]) -> dict[str, Any] | None:
    """That the file is under an indicator."""
    user, entity = request.user, subject[0]
    if not isinstance(user, User) or not isinstance(entity, File):
        return None
    best = indicators_on_file(entity, user=user).best
    if best is None:
        return None
    kind, icon = _PILLS.get(best.action, ("ok", "shield"))
    return {"text": f"{_word(best)} by {best.number}", "kind": kind, "icon": icon}


def evidence_marks(request: HttpRequest, rows: Sequence[Evidence]) -> dict[str, Any] | None:
    """By the id of the evidence, the indicator that it was under when its alert came."""
    user = request.user
    if not isinstance(user, User):
        return None
    keys = {key_of_evidence(row): row.pk for row in rows}
    hits = IndicatorHit.objects.filter(key__in=keys, indicator__in=Indicator.objects.visible_to(user))
    found = {keys[hit.key]: _mark(hit.indicator) for hit in hits.select_related("indicator").order_by("pk")}
    return {"by_id": found} if found else None


def _mark(indicator: Indicator) -> dict[str, str]:
    kind, icon = _PILLS.get(indicator.action, ("danger", "shield"))
    url = reverse("remediation:indicator", args=[indicator.pk])
    return {"text": f"{_word(indicator)}: {indicator.number}", "kind": kind, "icon": icon, "url": url}


def search_results(request: HttpRequest, text: str) -> dict[str, Any] | None:
    """`IND-12`, or the value of an indicator, leads to it."""
    user, number = request.user, text.strip().upper().removeprefix("IND-")
    if not isinstance(user, User) or not text.strip():
        return None
    rows = Indicator.objects.visible_to(user)
    by_number = number.isascii() and number.isdigit() and len(number) <= 18
    found = rows.filter(pk=int(number)) if by_number else rows.filter(value=text.strip().lower())
    results = [
        {"url": reverse("remediation:indicator", args=[one.pk]), "label": f"{one.number} {one}",
         "meta": one.get_status_display()}
        for one in found[:10]
    ]  # fmt: skip
    return {"label": "Indicators", "results": results} if results else None


def _button(noun: str, query: dict[str, str], incident: Incident | None, user: User, found: Found) -> dict[str, Any]:
    shown = {"symbol": "shield", "label": f"Block this {noun}", "verb": "Block", "danger": True}
    if found.best is not None:
        page = reverse("remediation:indicator", args=[found.best.pk])
        text = f"{_word(found.best)} by an indicator"
        return {**shown, "label": f"Indicator on this {noun}", "run_text": text, "run_number": found.best.number,
                "run_url": page, "waits": False}  # fmt: skip
    more = {"incident": str(incident.pk)} if incident else {}
    allowed = user.holds(keys.DECIDE_RESPONSE)
    return {
        **shown,
        "note": "On every device that a connection reaches, or on chosen groups. Undo: remove.",
        "url": f"{reverse('remediation:new_indicator')}?{urlencode({**query, **more})}",
        "refusal": "" if allowed else "You may not make indicators: it needs the right to manage responses.",
    }


def _refused(noun: str, why: str) -> dict[str, Any]:
    return {"symbol": "shield", "label": f"Block this {noun}", "verb": "Block", "danger": True, "note": "", "url": "",
            "refusal": why}  # fmt: skip


def _word(indicator: Indicator) -> str:
    words = {"allowed": "Allowed", "audit": "Watched", "warn": "Warned of"}
    return words.get(indicator.action, "Blocked")
