"""Containing an IP address: whatever has it is contained as a device that nobody manages, by all that have an agent."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from core.actors import Actor
from incidents.models import Device, Incident
from incidents.services.undiscovered import devices_at, discover
from remediation import policy
from remediation.catalog import get
from remediation.catalog.containment import KEY
from remediation.enums import Source
from remediation.models import ActionRun
from remediation.policy import peers
from remediation.policy.reach import MAX_DEVICES
from remediation.policy.spared import spared_by, why_spared
from remediation.refused import Refused
from remediation.services.request import clean_comment, request_action


def clean_address(text: object) -> str:
    """One address of one other host, in its shortest form; raises `ValidationError`."""
    try:
        address = ipaddress.ip_address(str(text).strip())
    except ValueError:
        raise ValidationError({"address": "This is no IP address."}) from None
    mapped = getattr(address, "ipv4_mapped", None)
    value = str(mapped or address)
    if "%" in value or not peers.is_one_host(value):
        raise ValidationError({"address": "This is not the address of one other host."})
    return value


def holder_of(address: str, *, user: User, exercise: str) -> Device | None:
    """The device that has the address, when one is known. Refuses when it is not clear which, when it is outside the
    person's scope, and when it has an agent of its own."""
    known = devices_at(address, exercise=exercise)
    seen = list(Device.objects.visible_to(user).filter(pk__in=[one.pk for one in known]).order_by("display_name"))
    if len(seen) < len(known):
        raise Refused("out_of_scope", f"{address} belongs to a device outside your device groups.")
    if len(seen) > 1:
        names = ", ".join(str(one) for one in seen[:3])
        raise Refused("nothing_to_do", f"{address} is the address of {names}: contain the one that is meant.")
    if seen and (sensor := peers.sensor_of(seen[0])):
        raise Refused("unsupported", f"{address} is {seen[0]}, which has {sensor}: isolate it instead.")
    check_spared(address, user=user, exercise=exercise)
    return seen[0] if seen else None


def check_spared(address: str, *, user: User, exercise: str) -> None:
    """Refuses what none of the devices that could enforce it can do without: the portal, their gateway, their
    resolver."""
    asked = list(peers.enforcers(get(KEY), exercise=exercise).visible_to(user).order_by("display_name")[:MAX_DEVICES])
    spared = spared_by(asked)
    why = [why_spared(spared.get(one.pk, {}), {"addresses": [address]}) for one in asked]
    if asked and all(why):
        more = f" None of the {len(asked)} devices with an agent can do without it." if len(asked) > 1 else ""
        raise Refused("unsupported", f"{asked[0]}: {why[0]}{more}")


def _discover(address: str, exercise: str, actor: Actor, user: User) -> Device:
    """No row stays of what the person may not contain."""
    with transaction.atomic():
        device = discover(address, exercise=exercise, actor=actor)
        policy.check_target_in_scope(user, device, to_do="contain it")
    return device


def contain_address(
    address: object,
    *,
    arguments: Mapping[str, Any],
    comment: str,
    actor: Actor,
    user: User,
    incident: Incident | None = None,
    source: str = Source.MANUAL,
) -> ActionRun:
    """Ask for the containment of whatever has the address. Raises `ValidationError` and `Refused`."""
    value, said = clean_address(address), clean_comment(comment)
    policy.check_permissions(user, get(KEY).request_permissions, to_do="contain an address")
    cleaned = get(KEY).clean(arguments)
    exercise = incident.exercise if incident else ""
    device = holder_of(value, user=user, exercise=exercise) or _discover(value, exercise, actor, user)
    return request_action(
        KEY, target=device, arguments=cleaned, comment=said, actor=actor, user=user, incident=incident, source=source
    )
