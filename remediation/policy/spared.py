"""What a device never cuts off, because it would lose the portal, its network or itself: it tells so with every
heartbeat, and whoever wants it cut off hears it before anybody is asked. A device speaks for itself alone."""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.models import Agent
from core.wording import visible
from incidents.models import Device, DeviceBinding
from incidents.queries.entities import DeviceQuerySet

Spared = Mapping[str, str]
MOST_TEXT, MOST_DEVICES = 200, 1_000


def spared_by(devices: Iterable[Device]) -> dict[int, Spared]:
    """Device -> why it never cuts which address off; only those that told."""
    bound = DeviceBinding.objects.filter(device__in=[one.pk for one in devices])
    places = {(one.connection_id, one.remote_id): one.device_id for one in bound}
    agents = Agent.objects.filter(device_id__in=[remote_id for _, remote_id in places])
    rows = agents.values_list("connection_id", "device_id", "status__health__spared")
    found = {places.get((connection_id, remote_id)): _read(told) for connection_id, remote_id, told in rows}
    return {pk: spared for pk, spared in found.items() if pk is not None and spared}


def needed_by(devices: DeviceQuerySet) -> Spared:
    """Address -> which of them told that it needs it, and why: the portal, a gateway, a resolver."""
    with_agent = devices.filter(bindings__connection__in=Agent.objects.values("connection"))
    asked = {one.pk: one for one in with_agent.distinct().order_by("display_name", "pk")[:MOST_DEVICES]}
    found: dict[str, str] = {}
    for pk, spared in spared_by(asked.values()).items():
        for value, why in spared.items():
            found.setdefault(value, f"{visible(str(asked[pk]))} needs it: {why[:1].lower()}{why[1:].rstrip('.')}")
    return found


def why_spared(spared: Spared, entry: Mapping[str, Any]) -> str:
    """Why nothing of what is to be cut off can be cut off there; empty where some of it can."""
    values = [_canonical(one) for name in ("addresses", "macs") for one in entry.get(name) or ()]
    if not values or not all(one in spared for one in values):
        return ""
    why = spared[values[0]]
    return f"{values[0]} cannot be cut off: {why[:1].lower()}{why[1:]}"


def _read(told: object) -> dict[str, str]:
    rows = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    pairs = [(one.get("value"), one.get("reason")) for one in rows]
    return {
        _canonical(value): visible(why[:MOST_TEXT])
        for value, why in pairs
        if isinstance(value, str) and isinstance(why, str) and why
    }


def _canonical(value: object) -> str:
    text = str(value)[:60].lower()
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return visible(text)
