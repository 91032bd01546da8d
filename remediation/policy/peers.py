"""A device without an agent, and an account, are contained by devices that have one: each of them is a part of the
action."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

from connectors.enums import AgentState
from connectors.errors import ConnectorError
from connectors.models import Agent, Connection
from connectors.registry import open_connection
from incidents.models import Device, DeviceBinding, Evidence, Identity
from incidents.queries.entities import DeviceQuerySet
from remediation.catalog import Action
from remediation.refused import Refused

MOST_VALUES = 60
ISOLATE, ENDPOINT_AGENT = "device.isolate", "endpoint_agent"
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def entry_key(whole: Device | Identity) -> str:
    """What the containment of this device or account is called on those that enforce it."""
    return f"{whole.kind}:{whole.pk}"


def entry_of(whole: Device | Identity) -> dict[str, Any]:
    """What of it is kept out, as it is known now: its addresses, or its name."""
    if isinstance(whole, Identity):
        return {"entry": entry_key(whole), "account": account_of(whole)}
    return _entry_of_device(whole)


def account_of(identity: Identity) -> str:
    """What it is called on a host: without the directory that it is of."""
    told = identity.account_name or identity.upn or identity.key
    return told.rpartition("\\")[2].partition("@")[0]


def _entry_of_device(device: Device) -> dict[str, Any]:
    macs = [one.lower().replace("-", ":") for one in device.mac_addresses]
    return {
        "entry": entry_key(device), "device_name": str(device)[:200],
        "addresses": [one for one in device.ip_addresses if is_one_host(one)][:MOST_VALUES],
        "macs": [one for one in macs if len(one) == 17][:MOST_VALUES],
    }  # fmt: skip


def peers_of(action: Action, whole: Device | Identity, arguments: Mapping[str, Any]) -> DeviceQuerySet:
    """The devices that can enforce it, wherever they are; refuses for what must or can not be contained."""
    return _for_account(action, whole, arguments) if isinstance(whole, Identity) else _for(action, whole, arguments)


def _for_account(action: Action, identity: Identity, arguments: Mapping[str, Any]) -> DeviceQuerySet:
    if not _ACCOUNT.fullmatch(account_of(identity)):
        raise Refused("unsupported", f"No device has an account that could be that of {identity}.")
    found = enforcers(action, exercise=identity.exercise)
    return found.filter(pk__in=seen_on(identity)) if arguments.get("peers") == "seen" else found


def seen_on(identity: Identity) -> QuerySet[Evidence, int]:
    """The devices that alerts name together with the account."""
    alerts = Evidence.objects.filter(identity=identity).values("alert_id")
    return Evidence.objects.filter(alert_id__in=alerts).exclude(device=None).values_list("device_id", flat=True)


def _for(action: Action, device: Device, arguments: Mapping[str, Any]) -> DeviceQuerySet:
    if sensor := sensor_of(device):
        raise Refused("unsupported", f"{device} has {sensor}: isolate it instead.")
    entry = entry_of(device)
    if not entry["addresses"] and not entry["macs"]:
        raise Refused("nothing_to_do", f"No address of {device} is known, so nothing could be cut off.")
    found = enforcers(action, exercise=device.exercise).exclude(pk=device.pk)
    return found.filter(device_group_id=device.device_group_id) if arguments.get("peers") == "group" else found


def enforcers(action: Action, *, exercise: str) -> DeviceQuerySet:
    """Every device of the same world that can enforce it. A simulated one cuts nothing off, so it counts only where
    there is none but simulated ones."""
    able = _enforcing(action)
    devices = Device.objects.filter(exercise=exercise)
    real = devices.filter(pk__in=_bound_to(one for one, simulated in able if not simulated))
    return real if real.exists() else devices.filter(pk__in=_bound_to(one for one, _ in able))


def _bound_to(connections: Iterable[Connection]) -> QuerySet[DeviceBinding, int]:
    return _served(DeviceBinding.objects.filter(connection__in=list(connections))).values_list("device_id", flat=True)


def _served(bindings: QuerySet[DeviceBinding]) -> QuerySet[DeviceBinding]:
    """Without those to agents that wait for approval, were revoked or have left: these do nothing for the portal."""
    return bindings.exclude(remote_id__in=Agent.objects.exclude(state=AgentState.APPROVED).values("device_id"))


def why_nobody(action: Action, *, exercise: str) -> str:
    """Why no device at all could enforce it; empty when one could."""
    return "" if enforcers(action, exercise=exercise).exists() else "No device has an agent that could enforce it."


def sensor_of(device: Device) -> str:
    """What isolates the device itself, in words; empty without any. Live response is with endpoint agents alone."""
    bindings = _served(DeviceBinding.objects.filter(device=device)).select_related("connection")
    bound = (one.connection for one in bindings)
    able = next((one for one in bound if _can(one, ISOLATE)), None)
    if able is None:
        return ""
    if able.kind == ENDPOINT_AGENT:
        return "an endpoint agent"
    return "a simulated sensor" if open_connection(able).describe().simulated else "a sensor"


def _enforcing(action: Action) -> list[tuple[Connection, bool]]:
    """The connections that can, and whether they only play it."""
    able = [one for one in Connection.objects.filter(enabled=True) if _can(one, action.key)]
    return [(one, open_connection(one).describe().simulated) for one in able]


def _can(connection: Connection, action: str) -> bool:
    try:
        return connection.enabled and open_connection(connection).describe().capability(action, "device") is not None
    except ConnectorError:
        return False


def is_one_host(text: str) -> bool:
    """Whether it is the address of one other host."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_loopback or address.is_unspecified)
