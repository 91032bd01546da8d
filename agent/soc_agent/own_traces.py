"""The agent's own traces on its host: every healthy host has them, so a sweep that told of them would find each one."""

import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from soc_agent.settings import Settings


def is_own_line(settings: Settings, address: str, port: int, pid: int | None) -> bool:
    """Whether a connection to that address is one of the agent's two processes to its portal. One to the portal that
    nobody holds any more is over, and was theirs: the kernel keeps it for a minute."""
    if (address, port) not in {(_plain(one), number) for one, number in settings.portals}:
        return False
    return pid is None or pid == os.getpid() or _uid_of(pid) == settings.agent_uid


def is_own_name(settings: Settings, words: Sequence[str]) -> bool:
    """Whether a line of the hosts file says where the portal is, and nothing else."""
    portal = (urlsplit(settings.url).hostname or "").lower()
    if len(words) < 2 or any(word.lower() != portal for word in words[1:]):
        return False
    return _plain(words[0]) in {_plain(one) for one, _port in settings.portals}


def _plain(text: str) -> str:
    try:
        found: Any = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    return str(getattr(found, "ipv4_mapped", None) or found)


def _uid_of(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return -1
