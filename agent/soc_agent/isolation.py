"""Cutting a host off from every network but the portal, in the kernel, in one step, with an end of its own.

Two tables hold it: `inet` for what goes through the address families, `netdev` for what does not (raw frames, child
interfaces of containers, tags). Both are replaced in one transaction, so there is no half state. The addresses that are
cut stand in sets whose elements run out by themselves: a host whose agent is dead comes back when the time is over,
unless its group says that it stays cut.
"""

import hashlib
import ipaddress
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soc_agent.folders import Folders

TABLE, SECOND = "soc_isolation", "# the interfaces\n"
NFT_TIMEOUT_S = 20
# Before every other table, so that nothing accepts first; a drop is final, an accept is not.
PRIORITY = -350
MAX_EXCLUSIONS = 100
MAX_PORTALS = 8
_INTERFACE = re.compile(r"[A-Za-z0-9_.@-]{1,15}")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class IsolationFailed(Exception):
    """The kernel refused the rules, or they cannot be made of what was asked."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What stays open in a selective isolation: to or from a network, all of it or one port of a protocol."""

    network: Network
    protocol: str = ""
    port: int = 0
    direction: str = "out"


@dataclass(frozen=True, slots=True)
class Plan:
    """`portals` are addresses with ports that the agent's own user may reach; `expires_s` is when the kernel opens by
    itself, 0 for never; `devices` are the interfaces that frames leave by."""

    portals: tuple[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int], ...]
    agent_uid: int
    devices: tuple[str, ...]
    exclusions: tuple[Exclusion, ...] = ()
    expires_s: int = 3600

    @property
    def digest(self) -> str:
        """Names the rules, whatever is left of their time."""
        text = json.dumps([sorted(map(str, self.portals)), self.agent_uid, sorted(self.devices),
                           sorted(map(str, self.exclusions)), bool(self.expires_s)])  # fmt: skip
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def read_exclusions(listed: object) -> tuple[Exclusion, ...]:
    """From the wanted state; raises `IsolationFailed` naming what is wrong."""
    if not isinstance(listed, list) or len(listed) > MAX_EXCLUSIONS:
        raise IsolationFailed(f"Exclusions are a list of at most {MAX_EXCLUSIONS}.")
    return tuple(_exclusion(entry) for entry in listed)


def _exclusion(entry: object) -> Exclusion:
    value: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
    try:
        network = ipaddress.ip_network(str(value.get("network")), strict=False)
    except ValueError:
        raise IsolationFailed(f"{value.get('network')!r} is no network.") from None
    protocol, port, direction = value.get("protocol", ""), value.get("port", 0), value.get("direction", "out")
    if protocol not in ("", "tcp", "udp") or direction not in ("in", "out"):
        raise IsolationFailed("An exclusion is for tcp, udp or everything, in or out.")
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port < 65536 or (port and not protocol):
        raise IsolationFailed("An exclusion has a port from 1 to 65535 of a protocol, or none.")
    return Exclusion(network, protocol, port, direction)


def rules(plan: Plan, left_s: int) -> str:
    """The whole text for `nft -f -`: what was there of ours goes, what is wanted comes, in one transaction. It ends by
    itself after `left_s` seconds, never when that is 0."""
    return f"{_removal()}{_inet(plan, left_s)}{_netdev(plan, left_s)}"


def _removal() -> str:
    """A table must exist to be deleted, so it is declared first."""
    return "".join(f"table {family} {TABLE} {{}}\ndelete table {family} {TABLE}\n" for family in ("inet", "netdev"))


def _sets(left_s: int) -> str:
    flags, timeout = ("interval, timeout", f" timeout {left_s}s") if left_s else ("interval", "")
    return "".join(
        f"  set {name} {{ type {kind}; flags {flags}; elements = {{ {everything}{timeout} }} }}\n"
        for name, kind, everything in (("all4", "ipv4_addr", "0.0.0.0/0"), ("all6", "ipv6_addr", "::/0"))
    )


def _family(address: Network | ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return "ip" if address.version == 4 else "ip6"


def _inet(plan: Plan, left_s: int) -> str:
    out, inward = [], []
    for address, port in plan.portals:
        family = _family(address)
        out.append(f"meta skuid {plan.agent_uid} {family} daddr {address} tcp dport {port} accept")
        # The kernel itself ends connections whose program is gone; nobody's they are then. None begins so.
        ending = f"{family} daddr {address} tcp dport {port}"
        out += [f"{ending} tcp flags & (fin | rst) != 0 accept", f"{ending} tcp flags == ack meta length <= 72 accept"]
        inward.append(f"{family} saddr {address} tcp sport {port} tcp flags & (syn | ack) != syn accept")
    for one in plan.exclusions:
        (out if one.direction == "out" else inward).append(_opening(one, answer=False))
        (inward if one.direction == "out" else out).append(_opening(one, answer=True))
    chains = "".join(
        f"  chain {name} {{ type filter hook {hook} priority {PRIORITY}; policy accept;\n    {first}\n"
        + "".join(f"    {line}\n" for line in lines) + "    jump cut\n  }\n"
        for name, hook, first, lines in (
            ("outward", "output", 'oifname "lo" accept', [*_NEIGHBOURS, *out]),
            ("inward", "input", 'iifname "lo" accept', [*_NEIGHBOURS, *inward]),
            ("through", "forward", "ct state invalid drop", []),
        )
    )  # fmt: skip
    cut = "  chain cut { ip saddr @all4 counter drop; ip6 saddr @all6 counter drop; }\n"
    return f"table inet {TABLE} {{\n{_sets(left_s)}  set plan_{plan.digest} {{ type mark; }}\n{cut}{chains}}}\n"


# Without them no address is found and none is kept: neighbours and routers (ICMPv6 133 to 136), leases of addresses.
_NEIGHBOURS = (
    "ip6 hoplimit 255 icmpv6 type { 133, 134, 135, 136 } accept",
    "udp sport 68 udp dport 67 accept",
    "udp sport 67 udp dport 68 accept",
)


def _opening(one: Exclusion, *, answer: bool) -> str:
    """An exclusion in one direction; the answers to it never begin a connection."""
    outward = (one.direction == "out") is not answer
    parts = [f"{_family(one.network)} {'daddr' if outward else 'saddr'} {one.network}"]
    if one.protocol:
        port = f" {'sport' if answer else 'dport'} {one.port}" if one.port else ""
        parts.append(f"{one.protocol}{port}" if port else f"meta l4proto {one.protocol}")
        if answer and one.protocol == "tcp":
            parts.append("tcp flags & (syn | ack) != syn")
    elif answer:
        parts.append("ct state established,related")
    return " ".join([*parts, "accept"])


def _netdev(plan: Plan, left_s: int) -> str:
    """What leaves an interface below the address families. Only well-formed frames of the three kinds go on; of
    those, addresses are cut as above."""
    if not plan.devices:
        return ""
    for device in plan.devices:
        if not _INTERFACE.fullmatch(device):
            raise IsolationFailed(f"{device!r} is no name of an interface.")
    open_to = [f"{_family(address)} daddr {address} tcp dport {port} accept" for address, port in plan.portals] + [
        f"{_family(one.network)} daddr {one.network} accept" for one in plan.exclusions
    ]
    lines = [
        "ether type != { ip, ip6, arp } drop",
        "arp htype != 1 drop",
        "ether type arp accept",
        _NEIGHBOURS[0],
        "udp sport 68 udp dport 67 accept",
        *open_to,
        "ip saddr @all4 counter drop",
        "ip6 saddr @all6 counter drop",
    ]
    devices = ", ".join(f'"{device}"' for device in plan.devices)
    body = "".join(f"    {line}\n" for line in lines)
    head = f"type filter hook egress devices = {{ {devices} }} priority {PRIORITY}; policy accept;"
    return f"table netdev {TABLE} {{\n{_sets(left_s)}  chain egress {{ {head}\n{body}  }}\n}}\n"


def apply(plan: Plan, left_s: int) -> None:
    """Try the rules first, then put them into force; raises `IsolationFailed` and leaves what was there."""
    text = rules(plan, left_s)
    _nft(["-c", "-f", "-"], text)
    _nft(["-f", "-"], text)


def release() -> None:
    """Remove both tables; none being there is no error."""
    _nft(["-f", "-"], _removal())


def keep(folders: Folders, plan: Plan, left_s: int, until: float) -> None:
    """For the next start of the host: rules as they are, and until when they count (0: without an end)."""
    head = f"# until {until:.0f} of {left_s}\n"
    text = f"{head}{_removal()}{_inet(plan, left_s)}{SECOND}{_netdev(plan, left_s)}"
    folders.write(folders.isolation, text.encode())


def forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def reload(path: Path, *, now: float) -> str:
    """Put the kept rules into force before the network comes up; in words what was done. Interfaces that are not there
    yet cost the second table alone, and the helper makes it when it starts. Raises `IsolationFailed`."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return "nothing is kept"
    head = re.match(r"# until (\d+) of (\d+)\n", text)
    if head is None:
        raise IsolationFailed(f"{path} is not what was written there.")
    until, left = int(head[1]), int(head[2])
    if until:
        # A clock that stands wrong at the start makes it no longer than it was.
        left = min(left, int(until - now))
        if left <= 0:
            return "the time is over"
        text = re.sub(r" timeout \d+s", f" timeout {left}s", text)
    try:
        _nft(["-f", "-"], text)
    except IsolationFailed:
        _nft(["-f", "-"], text.partition(SECOND)[0])
        return "cut off, without the table of the interfaces"
    return "cut off"


@dataclass(frozen=True, slots=True)
class Observed:
    """What the kernel holds now. `left_s` is when it opens by itself, None when it does not; `rules` names the very
    rules, so that one that somebody added or took away shows."""

    isolated: bool
    digest: str = ""
    left_s: int | None = None
    dropped: int = 0
    detail: str = ""
    tables: Sequence[str] = field(default_factory=tuple)
    rules: str = ""


def observe() -> Observed:
    """Reads the kernel; rules whose time is over count as open."""
    found = {family: _listed(family) for family in ("inet", "netdev")}
    tables = tuple(family for family, text in found.items() if text)
    if not found["inet"]:
        return Observed(False, tables=tables, detail="rules are missing" if tables else "")
    text = found["inet"]
    digest = re.search(r"set plan_([0-9a-f]{24})", text)
    cut = "0.0.0.0/0" in text and "::/0" in text
    left = [_seconds(one) for one in re.findall(r"expires ([0-9a-z]+)", text)]
    dropped = sum(int(number) for number in re.findall(r"counter packets (\d+)", text))
    return Observed(cut, digest[1] if digest else "", min(left) if left else None, dropped,
                    "" if cut else "the time of the rules is over", tables, _named(found))  # fmt: skip


def _named(found: Mapping[str, str]) -> str:
    """A digest of the rules without what changes by itself: counters and the time that is left."""
    text = re.sub(r"counter packets \d+ bytes \d+|expires \w+|timeout \w+", "", "".join(found.values()))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _seconds(text: str) -> int:
    """`1h2m3s456ms` as nft writes durations."""
    unit = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0}
    return sum(int(number) * unit[name] for number, name in re.findall(r"(\d+)(ms|d|h|m|s)", text))


def _listed(family: str) -> str:
    nft = _find_nft()
    done = subprocess.run([nft, "list", "table", family, TABLE], capture_output=True, text=True,
                          timeout=NFT_TIMEOUT_S, check=False)  # fmt: skip
    return done.stdout if done.returncode == 0 else ""


def _nft(arguments: Sequence[str], text: str) -> None:
    try:
        done = subprocess.run([_find_nft(), *arguments], input=text, capture_output=True, text=True,
                              timeout=NFT_TIMEOUT_S, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise IsolationFailed(f"nft did not answer within {NFT_TIMEOUT_S} seconds.") from None
    if done.returncode:
        raise IsolationFailed(done.stderr.strip()[:500] or f"nft ended with {done.returncode}.")


def _find_nft() -> str:
    found = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if found is None:
        raise IsolationFailed("nft is not installed on this host.")
    return found
