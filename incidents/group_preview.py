"""Which devices a rule would match, for the administrator who is typing it: fills the slot `device_group.preview`."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from core import slots
from incidents.models import Device
from incidents.services.device_groups import rule_holds

MOST = 10


def fill_preview() -> None:
    slots.fill("device_group.preview", slots.Filling(key="devices", build=preview))


def preview(request: HttpRequest, rule: dict[str, Any]) -> dict[str, Any] | None:
    """Up to ten of the matching devices this person may see, and how many there are; None for an empty rule."""
    user = request.user
    if not rule or not isinstance(user, User):
        return None
    found = [device for device in _candidates(user) if rule_holds(rule, device)]
    shown = [
        {
            "name": device.display_name,
            "group": device.device_group.name,
            "url": reverse("incidents:device", args=[device.pk]),
        }
        for device in found[:MOST]
    ]
    return {"devices": shown, "total": len(found)}


def _candidates(user: User) -> Any:
    columns = ("key", "host_name", "display_name", "domain", "tags", "os_platform", "os_version", "device_group__name")
    return Device.objects.visible_to(user).select_related("device_group").only(*columns).order_by("display_name", "id")
