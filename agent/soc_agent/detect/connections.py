"""Connections as the kernel lists them, each with the process that holds it."""

import ipaddress
import os
import time
from collections.abc import Iterator
from typing import Any

_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
_ESTABLISHED, _SYN_SENT, _LISTEN = "01", "02", "0A"
# A host with more opens them faster than anybody looks at them.
MAX_KNOWN = 20_000


class Connections:
    """TCP, both address families, of this network namespace."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._rows: dict[str, list[str]] = {}
        self._listening: set[int] = set()
        self._first = True
        self._read_at = -1.0

    def look(self) -> Iterator[dict[str, Any]]:
        """What was opened since the last look; `process.pid` is 0 where nobody can be found any more."""
        self._read()
        new = [inode for inode in self._rows if inode not in self._known]
        self._known = set(self._rows)
        if self._first:
            self._first = False
            return
        holders = holders_of({inode for inode in new if inode != "0"}) if new else {}
        for inode in new:
            yield self._told(self._rows[inode], holders.get(inode, 0))

    def _read(self) -> None:
        rows: dict[str, list[str]] = {}
        listening = set()
        for table in _TABLES:
            try:
                with open(table) as file:  # noqa: PTH123 - twice a second
                    lines = file.read().splitlines()[1:]
            except OSError:
                continue
            for line in lines:
                words = line.split()
                if words[3] == _LISTEN:
                    listening.add(int(words[1].rpartition(":")[2], 16))
                elif words[3] in (_ESTABLISHED, _SYN_SENT) and len(rows) < MAX_KNOWN and not _is_local(words[2]):
                    rows[words[9]] = words
        self._rows, self._listening, self._read_at = rows, listening, time.monotonic()

    def _told(self, words: list[str], pid: int) -> dict[str, Any]:
        address, port = _address(words[2])
        local = int(words[1].rpartition(":")[2], 16)
        direction = "inbound" if local in self._listening else "outbound"
        connection = {"remote_address": address, "remote_port": port, "protocol": "tcp", "direction": direction,
                      "local_port": local}  # fmt: skip
        return {"kind": "connection", "action": "opened", "connection": connection, "process": {"pid": pid}}

    def stdio_of(self, pid: int) -> str:
        """`network` when input and output of the process are a connection to another host."""
        found = []
        for number in (0, 1):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{number}")  # noqa: PTH115 - of every shell
            except OSError:
                return ""
            if not target.startswith("socket:["):
                return "other"
            found.append(target[8:-1])
        if any(inode not in self._rows for inode in found) and time.monotonic() - self._read_at > 0.05:
            self._read()
        return "network" if all(inode in self._rows for inode in found) else "other"


def holders_of(inodes: set[str]) -> dict[str, int]:
    """By the number of a socket: a process that holds it. Looks until all are found."""
    wanted, found = {f"socket:[{inode}]" for inode in inodes}, {}
    for entry in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int, reverse=True):  # noqa: PTH208 - a walk through all
        if not wanted:
            break
        try:
            names = os.listdir(f"/proc/{entry}/fd")  # noqa: PTH208 - as above
        except OSError:
            continue
        for name in names:
            try:
                target = os.readlink(f"/proc/{entry}/fd/{name}")  # noqa: PTH115 - as above
            except OSError:
                continue
            if target in wanted:
                wanted.discard(target)
                found[target[8:-1]] = int(entry)
    return found


def _address(text: str) -> tuple[str, int]:
    """`0100007F:1F90`, or 32 digits for IPv6: words of four bytes in the order of the machine."""
    digits, _, port = text.partition(":")
    words = [bytes.fromhex(digits[place : place + 8])[::-1] for place in range(0, len(digits), 8)]
    address = ipaddress.ip_address(b"".join(words))
    return str(getattr(address, "ipv4_mapped", None) or address), int(port, 16)


def _is_local(text: str) -> bool:
    return ipaddress.ip_address(_address(text)[0]).is_loopback
