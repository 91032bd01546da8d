"""Addresses that no order may cut: without them the host loses its portal, its network, or itself."""

import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# A host with many interfaces has some dozens.
MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Spared:
    """Why an address or a hardware address is spared, by value."""

    addresses: dict[Address, str] = field(default_factory=dict)
    macs: dict[str, str] = field(default_factory=dict)

    def reason(self, address: Address) -> str:
        """Empty when it may be cut."""
        if address.is_loopback or address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
            return "This is no address of one other host."
        return self.addresses.get(address, "")

    def told(self) -> list[dict[str, str]]:
        """For the portal, so that nobody asks for what would be refused here."""
        values = {**{str(one): why for one, why in self.addresses.items() if not one.is_loopback}, **self.macs}
        return [{"value": value, "reason": why} for value, why in values.items()][:MOST_TOLD]


def find_spared(portals: Iterable[str]) -> Spared:
    """As the host is now: gateways and resolvers change."""
    found: dict[Address, str] = {}
    macs: dict[str, str] = {}
    gateways = _gateways()
    for reason, listed in (
        ("This is a resolver of this host.", _resolvers()),
        ("This is the gateway of this host.", gateways),
        ("This is the portal.", portals),
    ):
        found |= {address: reason for text in listed if (address := _address(text)) is not None}
    for entries in psutil.net_if_addrs().values():
        for one in entries:
            if one.family == psutil.AF_LINK:
                macs[one.address.lower()] = "This is an interface of this host."
            elif (address := _address(one.address)) is not None:
                found[address] = "This is an address of this host."
    neighbours = _neighbours()
    macs |= {neighbours[one]: "This is the gateway of this host." for one in gateways if one in neighbours}
    return Spared(found, macs)


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []


def _gateways() -> list[str]:
    four = [line.split() for line in _lines("/proc/net/route")[1:]]
    six = [line.split() for line in _lines("/proc/net/ipv6_route")]
    found = [str(ipaddress.IPv4Address(struct.pack("=I", int(row[2], 16)))) for row in four if len(row) > 2]
    found += [str(ipaddress.IPv6Address(bytes.fromhex(row[4]))) for row in six if len(row) > 4]
    return [one for one in found if one not in ("0.0.0.0", "::")]  # noqa: S104 - no gateway, not a listener


def _resolvers() -> list[str]:
    rows = (line.split() for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf") for line in _lines(path))
    return [row[1] for row in rows if len(row) > 1 and row[0] == "nameserver"]


def _neighbours() -> dict[str, str]:
    rows = (line.split() for line in _lines("/proc/net/arp")[1:])
    return {row[0]: row[3].lower() for row in rows if len(row) > 3}
