"""Cutting this host's traffic with devices that nobody manages: by their addresses, and by their hardware address where
they are on the same network. Each entry ends by itself in the kernel.
"""

import hashlib
import ipaddress
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from soc_agent import nft
from soc_agent.enroll import outward_devices
from soc_agent.host import Host
from soc_agent.isolation import IsolationFailed
from soc_agent.spared import Address, Spared, find_spared
from soc_agent.wanted import NotReached, Seen

TABLE = "soc_contain"
# More are a job for the network's own gear.
MAX_ENTRIES, MAX_VALUES, LONGEST_S = 100, 64, 30 * 86400
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")


@dataclass(slots=True)
class Entry:
    """One device: what of it is cut here, and what is not, with the reason."""

    id: str
    until: float
    addresses: list[Address] = field(default_factory=list)
    macs: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)


def keeper(host: Host) -> "ContainKeeper":
    return ContainKeeper(host.settings.portals)


class ContainKeeper:
    """`entries`: `id`, `addresses`, `macs`, `until` in seconds since 1970."""

    facet = "contain"

    def __init__(self, portals: Sequence[tuple[str, int]]) -> None:
        self._portals = [address for address, _port in portals]

    def reach(self, wanted: Mapping[str, Any]) -> Seen:
        try:
            self._enforce(wanted)
        except IsolationFailed as error:
            raise NotReached("nft", str(error)) from None
        return self.look(wanted)

    def _enforce(self, wanted: Mapping[str, Any]) -> None:
        entries = self._entries(wanted)
        if not _members(entries):
            if nft.read_sets(TABLE) is not None:
                nft.remove(TABLE)
        elif self._digest(entries) not in (nft.read_sets(TABLE) or {}):
            nft.enforce(self._rules(entries))

    def look(self, wanted: Mapping[str, Any]) -> Seen:
        entries, held = self._entries(wanted), nft.read_sets(TABLE) or {}
        members = {one.value: one for name in ("dev4", "dev6", "mac") for one in held.get(name, ())}
        told = [_told(one, set(members)) for one in entries]
        missing = [value for value in _members(entries) if value not in members]
        refused = sum(len(one.refused) for one in entries)
        detail = f"{len(missing)} not in force" if missing else f"{refused} refused" if refused else ""
        evidence = {"entries": told, "dropped": sum(one.packets for one in members.values())}
        stale = bool(members) and self._digest(entries) not in held
        return Seen("containing" if members else "none", not missing and not refused and not stale, detail, evidence)

    def _entries(self, wanted: Mapping[str, Any]) -> list[Entry]:
        """Those whose time is not over."""
        listed = wanted.get("entries", [])
        if not isinstance(listed, list) or len(listed) > MAX_ENTRIES:
            raise IsolationFailed(f"Contained devices are a list of at most {MAX_ENTRIES}.")
        spared, now = find_spared(self._portals), time.time()
        return [entry for one in listed if (entry := read_entry(one, spared)).until > now]

    def _digest(self, entries: Sequence[Entry]) -> str:
        """Names the rules; a new interface makes them new."""
        text = json.dumps([[str(value), one.until] for one in entries for value in (*one.addresses, *one.macs)])
        return "plan_" + hashlib.sha256(f"{text}{outward_devices()}".encode()).hexdigest()[:24]

    def _rules(self, entries: Sequence[Entry]) -> str:
        now = time.time()
        ends: dict[str, int] = {}
        for one in sorted(entries, key=lambda entry: entry.until):
            ends |= dict.fromkeys(_members([one]), max(1, int(min(one.until - now, LONGEST_S))))
        sets = "".join(
            nft.set_text(name, kind, [(value, left) for value, left in ends.items() if _set_of(value) == name])
            for name, kind in (("dev4", "ipv4_addr"), ("dev6", "ipv6_addr"), ("mac", "ether_addr"))
        )
        both = "    ip saddr @dev4 drop\n    ip daddr @dev4 drop\n    ip6 saddr @dev6 drop\n    ip6 daddr @dev6 drop\n"
        inet = f"{sets}  set {self._digest(entries)} {{ type mark; }}\n" + "".join(
            f"  chain {name} {{ type filter hook {hook} priority {nft.PRIORITY}; policy accept;\n{both}{more}  }}\n"
            for name, hook, more in (
                ("inward", "input", "    ether saddr @mac drop\n"), ("outward", "output", ""),
                ("through", "forward", "    ether saddr @mac drop\n"),
            )
        )  # fmt: skip
        bodies = {"inet": inet}
        if devices := ", ".join(f'"{one}"' for one in outward_devices()):
            head = f"type filter hook egress devices = {{ {devices} }} priority {nft.PRIORITY}; policy accept;"
            out = "    ether daddr @mac drop\n    ip daddr @dev4 drop\n    ip6 daddr @dev6 drop\n"
            bodies["netdev"] = f"{sets}  chain egress {{ {head}\n{out}  }}\n"
        return nft.replacement(TABLE, bodies)


def read_entry(value: object, spared: Spared) -> Entry:
    """Raises `IsolationFailed` for what is no entry; what may not be cut stands in `refused`."""
    if not isinstance(value, dict) or not isinstance(value.get("until"), int | float):
        raise IsolationFailed("A contained device has an id and an end.")
    entry = Entry(str(value.get("id"))[:80], float(value["until"]))
    for name in ("addresses", "macs"):
        listed = value.get(name, [])
        if not isinstance(listed, list) or len(listed) > MAX_VALUES:
            raise IsolationFailed(f"A contained device has a list of at most {MAX_VALUES} {name}.")
    for text in map(str, value.get("addresses", [])):
        _add_address(entry, text, spared)
    for text in (str(one).lower().replace("-", ":") for one in value.get("macs", [])):
        reason = spared.macs.get(text, "") if _MAC.fullmatch(text) else "This is no hardware address."
        if not reason and int(text[:2], 16) & 1:
            reason = "This is no address of one other host."
        if reason:
            entry.refused.append({"value": text[:60], "reason": reason})
        else:
            entry.macs.append(text)
    return entry


def _add_address(entry: Entry, text: str, spared: Spared) -> None:
    try:
        address = ipaddress.ip_address(text)
        reason = spared.reason(address)
    except ValueError:
        reason = "This is no address."
    if reason:
        entry.refused.append({"value": text[:60], "reason": reason})
    else:
        entry.addresses.append(address)


def _members(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(str(value) for one in entries for value in (*one.addresses, *one.macs)))


def _set_of(value: str) -> str:
    return "mac" if _MAC.fullmatch(value) else "dev6" if ":" in value else "dev4"


def _told(entry: Entry, held: set[str]) -> dict[str, Any]:
    wanted = _members([entry])
    return {"id": entry.id, "until": entry.until, "enforced": [one for one in wanted if one in held],
            "refused": entry.refused, "missing": [one for one in wanted if one not in held]}  # fmt: skip
