"""What an address says: one of our own networks belongs to a machine, one of the internet is itself."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Networks whose addresses are given out anew behind every gateway. What Python calls private is more than that.
INTERNAL_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
# More machines than that at one address, and it names none of them.
MOST_AT_ONE_ADDRESS = 4


@dataclass(frozen=True, slots=True)
class Machine:
    """A device that has an internal address."""

    id: int
    name: str
    hub: bool
    exercise: str


@lru_cache(maxsize=8192)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_comparable(text: str) -> bool:
    address = _address(text)
    return address is not None and not (
        address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast
    )


@lru_cache(maxsize=8192)
def is_internal(text: str) -> bool:
    address = _address(text)
    return address is not None and any(
        address.version == network.version and address in network for network in INTERNAL_NETWORKS
    )


def is_internal_target(key: str, roles: Sequence[str]) -> bool:
    return "destination" in roles and "source" not in roles and key.startswith("ip:") and is_internal(key[3:])


def scoped_key(key: str, source: str) -> str:
    """An internal address means another machine in another network, so it counts within its source only."""
    if not key.startswith(("ip:", "connection:")):
        return key
    internal = any(map(is_internal, key.partition(":")[2].split("|")))
    return f"{source}|{key}" if internal else key


def load_machines(cursor: Any, addresses: Iterable[str], into: dict[str, list[Machine]]) -> None:
    """Which devices have these addresses, by address."""
    wanted = sorted(set(addresses) - into.keys())
    if not wanted:
        return
    into.update({address: [] for address in wanted})
    cursor.execute(
        f"""
        SELECT v.address, d.* FROM unnest(%s::varchar[]) v(address) CROSS JOIN LATERAL (
            SELECT id, display_name, is_hub, exercise FROM incidents_device
            WHERE ip_addresses @> ARRAY[v.address] LIMIT {MOST_AT_ONE_ADDRESS}
        ) d
        """,
        [wanted],
    )
    for address, *machine in cursor.fetchall():
        into[address].append(Machine(*machine))
