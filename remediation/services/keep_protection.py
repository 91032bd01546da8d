"""A tag that protects is no tag like others: taking it away would open what nobody may touch without a second look."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.core.exceptions import ValidationError

from accounts import keys
from accounts.services.authority import authority_of
from core.actors import Actor
from incidents.models import Device
from remediation.enums import AssetClass
from remediation.policy import Target, asset_class_of
from remediation.policy.protection import shield_of


def keep_protection(target: Target, changes: Mapping[str, Any], actor: Actor) -> None:
    """Only who keeps the list of protected assets takes a protection away. Raises `ValidationError`."""
    if "tags" not in changes:
        return
    without = copy(target)
    without.tags = changes["tags"]
    lost = _lost(target, without)
    if not lost:
        return
    held = authority_of(actor).keys
    if held is not None and keys.MANAGE_SETTINGS not in held:
        raise ValidationError(f"{lost} Whoever manages the settings takes such a tag away.", code="protected")


def _lost(before: Target, after: Target) -> str:
    """What would hold no more; empty when nothing."""
    shield, then = shield_of(before), shield_of(after)
    if shield is not None and (then is None or (shield.refuses and not then.refuses)):
        return f"{before} is protected ({shield.asset.get_kind_display()}) by this tag."
    if isinstance(before, Device) and isinstance(after, Device):
        server = asset_class_of(before) == AssetClass.SERVERS and asset_class_of(after) != AssetClass.SERVERS
        return f"By this tag {before} counts as a server." if server else ""
    return ""
