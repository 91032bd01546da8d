"""What an order of the portal means to a device: a command, a part of its wanted state, or a change of the list.

The signer asks here again, from the sealed delivery, so nothing that stands in the order's own row is ever signed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from connectors.kinds.endpoint_agent.listed import entry_of
from connectors.models import Agent, AgentOrder, AgentPolicy, Delivery
from connectors.ports import INDICATORS
from connectors.seal import seal_fits
from connectors.signing.sign import indicators_of
from connectors.signing.vouching import NotVouched, Wish
from core import clock

PREFIX = "delivery"
OF_AGENT = "agent"
NETWORK, EXECUTION, CONTAIN, ACCOUNTS = "network", "execution", "contain", "accounts"
# So much of what a sweep finds is told by one device.
MOST_FOUND = 500
# A device gives no more copies of a file back at once, and refuses the whole of a longer list.
MOST_GIVEN_BACK = 200
DAY_S = 86_400
# An order is good for so long at most; what a device is told of its own groups always is.
LONGEST, GROUPS_FOR = timedelta(days=3), timedelta(days=30)
# How long a restriction of programs and a containment hold when nobody says otherwise.
RESTRICTED_DAYS, CONTAINED_DAYS = 7, 5
_MODES = {"audited": "audit", "restricted": "enforce"}
# Answers code and reason when the order must not be signed.
Asker = Callable[[Delivery], tuple[str, str] | None]
_askers: list[Asker] = []


def ask_before_signing(ask: Asker) -> None:
    """Have a later room asked whether the decision behind a delivery stands; once, at `ready()`."""
    _askers.append(ask)


def vouch_for_delivery(order: AgentOrder) -> Wish:
    """The wish behind an order that carries a delivery out. Raises `NotVouched`."""
    delivery = Delivery.objects.filter(idempotency_key=order.key).first()
    if delivery is None or order.reference != f"{PREFIX}:{delivery.pk}":
        raise NotVouched("no_delivery", "No order of the portal stands behind it.")
    if not seal_fits(delivery):
        raise NotVouched("seal_broken", "The order was not given by the portal, or was changed after it was given.")
    if delivery.cancel_asked_at is not None:
        raise NotVouched("cancelled", "It was cancelled.")
    for ask in _askers:
        if no := ask(delivery):
            raise NotVouched(*no)
    return wish_of(delivery)


def vouch_for_agent(order: AgentOrder) -> Wish:
    """What the portal itself tells each device: which groups it is in, so that it knows which indicators concern it."""
    if order.agent is None or order.reference != f"{OF_AGENT}:{order.agent_id}":
        raise NotVouched("no_device", "The order names no device.")
    return Wish(order.agent.device_id, "agent.groups", facet="indicators", value=indicators_of(order.agent),
                expires=clock.real_now() + GROUPS_FOR)  # fmt: skip


def wish_of(delivery: Delivery) -> Wish:
    """Raises `NotVouched` for what no agent can do."""
    make = _WISHES.get(delivery.action)
    if make is None:
        raise NotVouched("unsupported", f"Agents cannot do {delivery.action}.")
    return replace(make(delivery), expires=_good_until(delivery), run_s=delivery.run_s)


def _good_until(delivery: Delivery) -> datetime:
    """No longer than the portal waits for the start, all of which is sealed: who starts it later would surprise
    somebody."""
    now = clock.real_now()
    return min(delivery.give_up_at, now + LONGEST, now + timedelta(seconds=delivery.start_s))


def is_state(wish: Wish) -> bool:
    return bool(wish.facet)


def _isolate(delivery: Delivery) -> Wish:
    told = delivery.arguments
    value = {
        "isolated": True, "type": str(told.get("isolation_type", "full")),
        "exclusions": [one for rule in told.get("exclusions", []) for one in rule.get("allows", [])],
        "expires_s": expiry_of(delivery.remote_id),
    }  # fmt: skip
    return Wish(delivery.remote_id, delivery.action, facet=NETWORK, value=value)


def expiry_of(device_id: str) -> int:
    """Seconds after which the kernel opens by itself while the portal is away; 0 where the group stays cut."""
    policy = AgentPolicy.objects.filter(device_group__agents__device_id=device_id).first()
    if policy is None:
        return int(AgentPolicy._meta.get_field("opens_after_s").get_default())
    return 0 if policy.stays_cut else policy.opens_after_s


def _release(delivery: Delivery) -> Wish:
    return Wish(delivery.remote_id, delivery.action, facet=NETWORK, value={"isolated": False})


def _restrict(delivery: Delivery) -> Wish:
    told = delivery.arguments
    value = {
        "mode": _MODES.get(str(told.get("mode")), "enforce"), "until": _end_of(told, RESTRICTED_DAYS),
        "folders": list(told.get("folders", [])), "signers": list(told.get("signers", [])),
    }  # fmt: skip
    return Wish(delivery.remote_id, delivery.action, facet=EXECUTION, value=value)


def _unrestrict(delivery: Delivery) -> Wish:
    return Wish(delivery.remote_id, delivery.action, facet=EXECUTION, value={"mode": "off"})


def _end_of(told: Mapping[str, Any], days: int) -> float:
    """Counted from when it is signed, by the signer's own clock, unless the end itself was decided on."""
    if told.get("until"):
        return float(told["until"])
    return clock.real_now().timestamp() + int(told.get("days") or days) * DAY_S


def _contain(delivery: Delivery) -> Wish:
    told = delivery.arguments
    entry = {
        "id": str(told["entry"]), "addresses": list(told.get("addresses", [])), "macs": list(told.get("macs", [])),
        "until": _end_of(told, CONTAINED_DAYS),
    }  # fmt: skip
    name = str(told["entry"])
    return Wish(delivery.remote_id, delivery.action, facet=CONTAIN, value=entry, listed="entries", entry=name)


def _uncontain(delivery: Delivery) -> Wish:
    return Wish(delivery.remote_id, delivery.action, facet=CONTAIN, listed="entries",
                entry=str(delivery.arguments["entry"]))  # fmt: skip


def _contain_account(delivery: Delivery) -> Wish:
    told, name = delivery.arguments, str(delivery.arguments["entry"])
    entry = {"id": name, "name": str(told.get("account", "")), "until": _end_of(told, CONTAINED_DAYS)}
    return Wish(delivery.remote_id, delivery.action, facet=ACCOUNTS, value=entry, listed="entries", entry=name)


def _uncontain_account(delivery: Delivery) -> Wish:
    return replace(_uncontain(delivery), facet=ACCOUNTS)


def _scan(delivery: Delivery) -> Wish:
    told = delivery.arguments
    arguments: dict[str, Any] = {"scan_type": str(told.get("scan_type", "quick"))}
    if arguments["scan_type"] == "custom":
        arguments["paths"] = [line.strip() for line in str(told.get("paths", "")).splitlines() if line.strip()]
    return Wish(delivery.remote_id, delivery.action, arguments, "collect")


def _collect_file(delivery: Delivery) -> Wish:
    told = delivery.arguments
    arguments: dict[str, Any] = {"path": str(told.get("path", "")), "limit": settings.AGENT_FILE_BYTES}
    if not arguments["path"]:
        raise NotVouched("bad_arguments", "No place of the file on this device is known.")
    if str(told.get("file_key", "")).startswith("sha256:"):
        arguments["sha256"] = sha256_of(told)
    return Wish(delivery.remote_id, delivery.action, arguments, "collect")


def _command(effect: str, *names: str) -> Callable[[Delivery], Wish]:
    def make(delivery: Delivery) -> Wish:
        arguments = {name: delivery.arguments[name] for name in names if name in delivery.arguments}
        return Wish(delivery.remote_id, delivery.action, arguments, effect)

    return make


def _sweep(delivery: Delivery) -> Wish:
    """Raises `NotVouched` for a list that is none."""
    try:
        listed = json.loads(str(delivery.arguments.get("indicators", "")))
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        raise NotVouched("bad_arguments", "The list of indicators cannot be read.")
    entries = [{name: str(one.get(name, "")) for name in ("id", "kind", "value")} for one in listed]
    return Wish(delivery.remote_id, delivery.action, {"indicators": entries, "limit": MOST_FOUND}, "collect")


def _quarantine(delivery: Delivery) -> Wish:
    paths = delivery.arguments.get("paths", [])
    return Wish(delivery.remote_id, delivery.action, {"sha256": sha256_of(delivery.arguments), "paths": list(paths)})


def _restore(delivery: Delivery) -> Wish:
    token: Mapping[str, Any] = delivery.reverses.get("token", {}) if delivery.reverses else {}
    told = [*(token.get("items") or ()), *(delivery.arguments.get("items") or ())]
    items = list(dict.fromkeys(str(one) for one in told))[:MOST_GIVEN_BACK]
    return Wish(delivery.remote_id, delivery.action, {"sha256": sha256_of(delivery.arguments), "items": items})


def sha256_of(arguments: Mapping[str, Any]) -> str:
    """Agents know a file by its SHA-256 alone. Raises `NotVouched` for any other hash."""
    kind, _, value = str(arguments.get("file_key", "")).partition(":")
    if kind != "sha256":
        raise NotVouched("unsupported", "An agent finds a file by its SHA-256 only, and it is not known.")
    return value


def _list(delivery: Delivery) -> Wish:
    told = {
        "set": [entry_of(one) for one in delivery.arguments.get("set", [])],
        "remove": delivery.arguments.get("remove", []),
    }
    return Wish("", delivery.action, told, connection_id=delivery.connection_id)


_WISHES: dict[str, Callable[[Delivery], Wish]] = {
    "device.isolate": _isolate,
    "device.release": _release,
    "device.restrict_execution": _restrict,
    "device.unrestrict_execution": _unrestrict,
    "device.antivirus_scan": _scan,
    "device.collect_package": _command("collect"),
    "device.sweep": _sweep,
    "file.quarantine": _quarantine,
    "file.restore": _restore,
    "file.collect": _collect_file,
    "device.contain": _contain,
    "device.uncontain": _uncontain,
    "identity.contain": _contain_account,
    "identity.uncontain": _uncontain_account,
    "device.offboard": _command("once"),
    INDICATORS: _list,
}


def agent_of(remote_id: str) -> Agent | None:
    return Agent.objects.select_related("device_group").defer("inventory").filter(device_id=remote_id).first()
