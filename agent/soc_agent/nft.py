"""Rules of the kernel's packet filter: put into force in one transaction, read back as the kernel holds them."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soc_agent.isolation import NFT_TIMEOUT_S, IsolationFailed

# After the isolation, before everybody else: a drop is final, an accept is not.
PRIORITY = -340
FAMILIES = ("inet", "netdev")
_NFT = ("/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft")


@dataclass(frozen=True, slots=True)
class Element:
    """One member of a set: its value, what is left of its time (None: no end), packets that met it."""

    value: str
    left_s: int | None
    packets: int


def replacement(table: str, bodies: Mapping[str, str]) -> str:
    """Text that puts tables in the place of what was there, whatever it was; a family without body has none then."""
    gone = "".join(f"table {family} {table} {{}}\ndelete table {family} {table}\n" for family in FAMILIES)
    return gone + "".join(f"table {family} {table} {{\n{body}}}\n" for family, body in bodies.items())


def enforce(text: str) -> None:
    """Tried first, then done, all or nothing; raises `IsolationFailed` and leaves what was there."""
    _run(["-c", "-f", "-"], text)
    _run(["-f", "-"], text)


def remove(table: str) -> None:
    enforce(replacement(table, {}))


def read_sets(table: str) -> dict[str, list[Element]] | None:
    """The sets of the `inet` table by name; None when there is no such table."""
    try:
        done = subprocess.run([_program(), "-j", "list", "table", "inet", table], capture_output=True, text=True,
                              timeout=NFT_TIMEOUT_S, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise IsolationFailed(f"nft did not answer within {NFT_TIMEOUT_S} seconds.") from None
    if done.returncode:
        return None
    listed = json.loads(done.stdout)["nftables"]
    return {
        one["set"]["name"]: [_element(item) for item in one["set"].get("elem", [])] for one in listed if "set" in one
    }


def _element(item: Any) -> Element:
    value = item.get("elem", item) if isinstance(item, dict) else {"val": item}
    left = value.get("expires")
    return Element(str(value.get("val")), None if left is None else int(left),
                   int(value.get("counter", {}).get("packets", 0)))  # fmt: skip


def set_text(name: str, kind: str, elements: Iterable[tuple[str, int | None]]) -> str:
    """A set whose members count what meets them; each with the seconds after which the kernel forgets it."""
    listed = ", ".join(value if left is None else f"{value} timeout {max(1, left)}s" for value, left in elements)
    held = f" elements = {{ {listed} }}" if listed else ""
    return f"  set {name} {{ type {kind}; flags timeout; counter;{held}\n  }}\n"


def _run(arguments: list[str], text: str) -> None:
    try:
        done = subprocess.run([_program(), *arguments], input=text, capture_output=True, text=True,
                              timeout=NFT_TIMEOUT_S, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise IsolationFailed(f"nft did not answer within {NFT_TIMEOUT_S} seconds.") from None
    if done.returncode:
        raise IsolationFailed(done.stderr.strip()[:500] or f"nft ended with {done.returncode}.")


def _program() -> str:
    found = next((path for path in _NFT if Path(path).exists()), None)
    if found is None:
        raise IsolationFailed("nft is not installed on this host.")
    return found
