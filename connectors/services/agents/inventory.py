"""What a device tells of itself, kept within bounds: it comes from the endpoint, so nothing in it is believed."""

from collections.abc import Mapping
from typing import Any

MAX_TEXT = 300
MAX_DEPTH = 7
_MOST = {"packages": 10_000, "users": 2_000, "listening": 1_000, "interfaces": 200}
_KNOWN = ("system", "interfaces", "users", "packages", "listening", "unread")


def bounded_inventory(told: Mapping[str, Any]) -> dict[str, Any]:
    """The known parts, each cut to what a real machine has."""
    return {name: bounded(told[name], most=_MOST.get(name, 200)) for name in _KNOWN if name in told}


def bounded(value: Any, *, most: int = 200, depth: int = 0) -> Any:
    """JSON that can be stored and shown: short texts, short lists, no zero bytes, little depth."""
    match value:
        case bool() | None:
            return value
        case int() | float():
            return value if abs(value) < 2**53 else None
        case str():
            return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()[:MAX_TEXT]
        case list() if depth < MAX_DEPTH:
            return [bounded(one, depth=depth + 1) for one in value[:most]]
        case dict() if depth < MAX_DEPTH:
            pairs = list(value.items())[: max(most, 200)]
            return {str(bounded(str(key), depth=depth))[:80]: bounded(one, depth=depth + 1) for key, one in pairs}
    return None


def plain_name(told: object) -> str:
    """The name of a file as a device tells it, without the folders that it would like it to lie in."""
    text = str(bounded(told)) if isinstance(told, str) else ""
    name = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return name[:200] if name.strip(". ") else "file"


def name_in(inventory: Mapping[str, Any]) -> str:
    system = inventory.get("system")
    name = system.get("host_name") if isinstance(system, dict) else ""
    return str(name or "unnamed")[:255]


def addresses_in(inventory: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(IP addresses, MAC addresses) of the interfaces that are up."""
    ips: list[str] = []
    macs: list[str] = []
    listed = inventory.get("interfaces")
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict) or not one.get("up"):
            continue
        found = one.get("addresses")
        ips += [str(ip)[:45] for ip in found if isinstance(ip, str)] if isinstance(found, list) else []
        if one.get("mac"):
            macs.append(str(one["mac"])[:17].lower())
    return tuple(dict.fromkeys(ips))[:30], tuple(dict.fromkeys(macs))[:30]
