"""The portal's indicators on this host: hashes go to the guard, addresses into the kernel's packet filter.

Names of hosts, URLs and certificates are not enforced here and say so, each with the reason: a packet filter sees
addresses, and what is inside TLS is not for it to see.
"""

import base64
import hashlib
import ipaddress
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from soc_agent import nft
from soc_agent.envelope import BadEnvelope, Opened
from soc_agent.hits import HitBook
from soc_agent.host import Host, NotAnswered
from soc_agent.isolation import IsolationFailed
from soc_agent.precedence import FILES, Rule, holding, read_rule
from soc_agent.spared import Spared, find_spared
from soc_agent.wanted import NotReached, Seen

INDICATORS = "application/vnd.soc-agent.indicators+json"
TABLE = "soc_indicators"
MAX_ENTRIES, MOST_NAMED = 15_000, 200
_LENGTHS = {"file_sha256": 64, "file_sha1": 40, "file_md5": 32}
_HEX = re.compile(r"[0-9a-f]+")
_DID = {"audit": "audited", "warn": "warned", "block": "blocked"}
UNSUPPORTED = {
    "domain": "A packet filter sees addresses, not names; this agent reads no DNS questions.",
    "url": "What is asked for inside a connection is not seen by this agent.",
    "certificate": "Programs on Linux carry no certificate that the kernel checks.",
}


@dataclass(slots=True)
class Plan:
    """What of the list is enforced here: file rules by (type, value), address rules by address."""

    files: dict[str, dict[str, Rule]] = field(default_factory=lambda: {name: {} for name in FILES})
    addresses: dict[str, Rule] = field(default_factory=dict)
    unsupported: list[dict[str, str]] = field(default_factory=list)
    expired: int = 0

    def without(self, rule: Rule, reason: str) -> None:
        self.unsupported.append({"key": rule.key, "reason": reason})


def plan_of(entries: Sequence[Any], groups: Sequence[int], spared: Spared, essential: Mapping[str, str]) -> Plan:
    """`essential` are digests of what the host needs to run, with what each is: they are never stopped."""
    plan, rules, now = Plan(), [], time.time()
    for value in entries:
        try:
            rules.append(read_rule(value if isinstance(value, dict) else {}))
        except ValueError as error:
            plan.unsupported.append({"key": str(value)[:80], "reason": f"It cannot be read: {error}."})
    alive = [rule for rule in rules if rule.until is None or rule.until > now]
    plan.expired = len(rules) - len(alive)
    for rule in holding(alive, groups):
        _place(rule, plan, spared, essential)
    return plan


def _place(rule: Rule, plan: Plan, spared: Spared, essential: Mapping[str, str]) -> None:
    if rule.type in _LENGTHS:
        if len(rule.value) != _LENGTHS[rule.type] or not _HEX.fullmatch(rule.value):
            plan.without(rule, "This is no digest of its kind.")
        elif rule.value in essential and rule.action in ("block", "block_and_remediate"):
            plan.without(rule, f"This host needs it to run: {essential[rule.value]}.")
        else:
            plan.files[rule.type][rule.value] = rule
    elif rule.type == "ip":
        try:
            address = ipaddress.ip_address(rule.value)
            reason = spared.reason(address) if rule.action == "block" else ""
        except ValueError:
            plan.without(rule, "This is no address.")
            return
        if reason:
            plan.without(rule, reason)
        elif rule.action == "block_and_remediate":
            plan.without(rule, "An address can be blocked; there is nothing of it to remove.")
        else:
            plan.addresses[str(address)] = rule
    else:
        plan.without(rule, UNSUPPORTED.get(rule.type, "This agent does not know this kind."))


class IndicatorKeeper:
    """Facet `indicators`: `digest` of the list's payload and the `groups` of this device."""

    facet = "indicators"

    def __init__(self, host: Host, hits: HitBook, essential: Callable[[], Mapping[str, str]]) -> None:
        self._host, self._hits, self._essential = host, hits, essential
        self._portals = [address for address, _port in host.settings.portals]
        self._missing = ""
        self._packets: dict[str, int] = {}
        self._loaded: tuple[str, list[Any], int] = ("", [], 0)
        self.plan = Plan()

    def reach(self, wanted: Mapping[str, Any]) -> Seen:
        try:
            self._enforce(wanted)
        except IsolationFailed as error:
            raise NotReached("nft", str(error)) from None
        return self.look(wanted)

    def _enforce(self, wanted: Mapping[str, Any]) -> None:
        self._make_plan(wanted)
        held = nft.read_sets(TABLE) if self.plan.addresses or self._packets else None
        if not self.plan.addresses:
            self._packets = {}
            if nft.read_sets(TABLE) is not None:
                nft.remove(TABLE)
        elif held is None or _digest(self.plan) not in held:
            nft.enforce(_rules(self.plan))
            self._packets = {}

    def look(self, wanted: Mapping[str, Any]) -> Seen:
        digest = str(wanted.get("digest", ""))
        held = (nft.read_sets(TABLE) or {}) if self.plan.addresses else {}
        self.count(held)
        missing = bool(self.plan.addresses) and _digest(self.plan) not in held
        here = digest == self._loaded[0]
        unsupported = self.plan.unsupported
        evidence = {
            "digest": self._loaded[0], "version": self._loaded[2], "expired": self.plan.expired,
            "applied": {"file": sum(len(one) for one in self.plan.files.values()), "ip": len(self.plan.addresses)},
            "unsupported": unsupported[:MOST_NAMED], "unsupported_count": len(unsupported),
            "hits": self._hits.untold(), "last_hit": self._hits.last,
        }  # fmt: skip
        detail = self._missing if not here else "Rules for addresses are missing." if missing else ""
        return Seen("applied" if self._loaded[1] else "none", here and not missing, detail, evidence)

    def count(self, held: Mapping[str, Sequence[nft.Element]] | None = None) -> None:
        """Packets that met an address since it was looked at last become hits."""
        if not self.plan.addresses:
            return
        sets = (nft.read_sets(TABLE) or {}) if held is None else held
        for name, did in (("audit", "audited"), ("warn", "warned"), ("block", "blocked")):
            for one in (*sets.get(f"{name}4", ()), *sets.get(f"{name}6", ())):
                rule = self.plan.addresses.get(one.value)
                if rule is not None and one.packets > self._packets.get(one.value, 0):
                    self._hits.add(rule.key, did, address=one.value, title=rule.title, process=process_at(one.value))
                self._packets[one.value] = one.packets

    def policy(self) -> dict[str, Any]:
        """The rules for files in the guard's words: by kind and digest `[action, key, end, title]`."""
        return {
            kind: {value: [rule.action, rule.key, rule.until, rule.title] for value, rule in rules.items()}
            for kind, rules in self.plan.files.items() if rules
        }  # fmt: skip

    def _make_plan(self, wanted: Mapping[str, Any]) -> None:
        digest = str(wanted.get("digest", ""))
        if digest != self._loaded[0]:
            self._loaded = self._load(digest)
        groups = [one for one in wanted.get("groups", []) if isinstance(one, int)]
        self.plan = plan_of(self._loaded[1], groups, find_spared(self._portals), self._essential())

    def _load(self, digest: str) -> tuple[str, list[Any], int]:
        """The wanted list, from the disk or from the portal. The wanted state is signed, so its digest vouches for
        what is read. Until the new one is here the old one holds."""
        self._missing = ""
        if not digest:
            return ("", [], 0)
        kept = self._host.folders.state / f"indicators-{digest[:64]}.json"
        try:
            found = _read_list(json.loads(kept.read_bytes()), digest)
        except (OSError, ValueError, BadEnvelope):
            try:
                envelope = self._host.news.wish_from_thread("indicators", sha256=digest).get("envelope")
                found = _read_list(envelope, digest)
            except (NotAnswered, BadEnvelope, TimeoutError) as error:
                self._missing = f"The list is not here yet: {error}"
                return self._loaded
            for old in self._host.folders.state.glob("indicators-*.json"):
                old.unlink(missing_ok=True)
            self._host.folders.write(kept, json.dumps(envelope).encode())
        return found


def _read_list(envelope: object, digest: str) -> tuple[str, list[Any], int]:
    """Raises `BadEnvelope` when it is not the list of that digest."""
    opened = opened_by_digest(envelope, INDICATORS, digest)
    value = opened.as_json()
    entries = value.get("entries")
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise BadEnvelope(f"A list of indicators has at most {MAX_ENTRIES} entries.")
    return (digest, entries, int(value.get("version", 0)))


def opened_by_digest(envelope: object, kind: str, digest: str) -> Opened:
    """What is inside, when it is the very payload of that digest."""
    parts = envelope if isinstance(envelope, dict) else {}
    try:
        payload = base64.b64decode(str(parts.get("payload", "")), validate=True)
    except ValueError:
        raise BadEnvelope("The envelope is not in Base64.") from None
    if parts.get("payloadType") != kind or hashlib.sha256(payload).hexdigest() != digest:
        raise BadEnvelope("That is another list than the wanted one.")
    return Opened(kind, payload, frozenset())


def process_at(address: str) -> dict[str, Any]:
    """Who speaks with the address now, as far as it can still be seen."""
    try:
        found = next((one for one in psutil.net_connections("inet") if one.raddr and one.raddr.ip == address), None)
        if found is None or not found.pid:
            return {}
        process = psutil.Process(found.pid)
        return {"pid": found.pid, "path": process.exe(), "user": process.username()}
    except (psutil.Error, OSError):
        return {}


def _digest(plan: Plan) -> str:
    text = json.dumps(sorted([value, rule.action, rule.until] for value, rule in plan.addresses.items()))
    return "plan_" + hashlib.sha256(text.encode()).hexdigest()[:24]


def _rules(plan: Plan) -> str:
    now, body = time.time(), ""
    for action in _DID:
        for suffix, kind, version in (("4", "ipv4_addr", 4), ("6", "ipv6_addr", 6)):
            members = [
                (value, None if rule.until is None else int(min(rule.until - now, 10 * 365 * 86400)))
                for value, rule in plan.addresses.items()
                if rule.action == action and ipaddress.ip_address(value).version == version
            ]
            body += nft.set_text(f"{action}{suffix}", kind, members)
    body += f"  set {_digest(plan)} {{ type mark; }}\n"
    for name, hook, sides in (("inward", "input", ("saddr",)), ("outward", "output", ("daddr",)),
                              ("through", "forward", ("saddr", "daddr"))):  # fmt: skip
        lines = "".join(
            f"    {family} {side} @{action}{suffix}{' drop' if action == 'block' else ' continue'}\n"
            for action in _DID for side in sides for family, suffix in (("ip", "4"), ("ip6", "6"))
        )  # fmt: skip
        body += f"  chain {name} {{ type filter hook {hook} priority {nft.PRIORITY}; policy accept;\n{lines}  }}\n"
    return nft.replacement(TABLE, {"inet": body})
