"""What an IP address shows on earlier pages: the button that contains it."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from accounts import keys
from accounts.models import User
from incidents.models import Device, Incident
from remediation.catalog import get
from remediation.catalog.containment import KEY
from remediation.policy import peers
from remediation.refused import Refused
from remediation.services.contain_address import clean_address, holder_of


def contain_button(request: HttpRequest, subject: tuple[str, str, Incident]) -> dict[str, Any] | None:
    """Contain this address, in the pane of a node that is no entity."""
    kind, text, incident = subject
    user = request.user
    if not isinstance(user, User) or kind != "ip":
        return None
    try:
        address = clean_address(text)
    except ValidationError:
        return None
    shown = {"symbol": get(KEY).icon, "label": "Contain this address", "verb": "Contain", "danger": True,
             "note": "By every device with an agent. Needs another person. Undo: release."}  # fmt: skip
    try:
        held = _contained(holder_of(address, user=user, exercise=incident.exercise))
        why = peers.why_nobody(get(KEY), exercise=incident.exercise)
    except Refused as refused:
        held, why = None, refused.message
    if held is not None:
        url = reverse("incidents:device", args=[held.pk])
        return {**shown, "label": "Containment of this address", "run_text": "It is contained", "run_number": str(held),
                "run_url": url, "waits": False}  # fmt: skip
    if not user.holds(keys.REQUEST_RESPONSE):
        why = why or "You may not request this: it needs a permission you do not hold."
    url = f"{reverse('remediation:contain_address')}?{urlencode({'address': address, 'incident': incident.pk})}"
    return {**shown, "url": url, "refusal": why}


def _contained(device: Device | None) -> Device | None:
    state = device.mitigation.get(get(KEY).facet, {}) if device else {}
    return device if get(KEY).wanted in {state.get("state"), state.get("desired")} else None
