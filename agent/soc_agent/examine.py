"""What `soc-agentctl doctor` looks at: kernel, tools, rights, units, portal, clock; and what mends what it finds."""

import os
import platform
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from soc_agent.folders import Folders
from soc_agent.orders import SKEW_S
from soc_agent.portal import context_for
from soc_agent.settings import Settings
from soc_agent.units import UNITS

_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
TOOLS = {"nft": "nftables", "conntrack": "conntrack"}
LEAST_FREE = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class Finding:
    """`mends` is what to do when it is not `good`."""

    what: str
    good: bool
    says: str
    mends: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(settings: Settings, folders: Folders, report: Mapping[str, Any] | None) -> list[Finding]:
    """`report` is the helper's, None when it does not answer."""
    return [
        _helper(report), *_tools(), *_abilities(report), *_rights(folders, settings), *_units(),
        *_portal(settings, folders), _room(folders),
    ]  # fmt: skip


def _helper(report: Mapping[str, Any] | None) -> Finding:
    if report is None:
        return Finding("helper", False, "it does not answer", "systemctl restart soc-agent-helper; journalctl -u "
                       "soc-agent-helper says why it ended")  # fmt: skip
    return Finding("helper", True, f"answers; kernel {platform.release()}")


def _tools() -> list[Finding]:
    return [
        Finding(name, bool(shutil.which(name, path=_PATH)), "is installed" if shutil.which(name, path=_PATH)
                else "is not installed", f"apt-get install {package}")
        for name, package in TOOLS.items()
    ]  # fmt: skip


def _abilities(report: Mapping[str, Any] | None) -> list[Finding]:
    unable = {name: why for name, why in (report or {}).get("capabilities", {}).items() if why}
    return [Finding(name, False, why, "see the rights and packages in docs/agent.md") for name, why in unable.items()]


def _rights(folders: Folders, settings: Settings) -> list[Finding]:
    """Who may read what; the key of the device is the network half's alone, the journal the helper's."""
    found = []
    for path, uid in ((folders.identity, settings.agent_uid), (folders.state, 0 if os.geteuid() == 0 else None)):
        try:
            seen = path.stat()
        except OSError as error:
            found.append(Finding(str(path), False, error.strerror or "missing", "run soc-agent enroll again"))
            continue
        closed = not seen.st_mode & 0o077 and (uid is None or seen.st_uid == uid)
        found.append(Finding(str(path), closed, "is closed to others" if closed else "may be read by others",
                             f"chown {uid} {path}; chmod go= {path}"))  # fmt: skip
    return found


def _units() -> list[Finding]:
    """Only where systemd runs the host."""
    if not Path("/run/systemd/system").is_dir():
        return []
    found = []
    for unit in UNITS:
        done = subprocess.run(["/usr/bin/systemctl", "is-enabled", unit], capture_output=True, text=True, timeout=20,
                              check=False)  # fmt: skip
        word = done.stdout.strip() or "missing"
        found.append(Finding(unit, word == "enabled", word, f"systemctl enable --now {unit}"))
    return found


def _portal(settings: Settings, folders: Folders) -> list[Finding]:
    """Over TLS with the pinned authority, as the network half does; its answer carries its time."""
    parts = urlsplit(settings.url)
    for address, port in settings.portals:
        connection = HTTPSConnection(parts.hostname or "", port, timeout=10)
        try:
            plain = socket.create_connection((address, port), timeout=10)
            connection.sock = context_for(folders.authority).wrap_socket(plain, server_hostname=parts.hostname)
            connection.request("GET", "/agent/v1/authority")
            told = connection.getresponse().headers.get("Date", "")
        except (OSError, ssl.SSLError, HTTPException) as error:
            return [Finding("portal", False, f"{address} port {port}: {error}", "check the way to the portal and its "
                            "certificate; a host that is cut off reaches it as the agent's user alone")]  # fmt: skip
        finally:
            connection.close()
        return [Finding("portal", True, f"answers at {address} port {port}"), *_clock(told)]
    return [Finding("portal", False, "no address is known", "run soc-agent enroll again")]


def _clock(told: str) -> list[Finding]:
    try:
        off = time.time() - parsedate_to_datetime(told).timestamp()
    except (TypeError, ValueError):
        return []
    return [Finding("clock", abs(off) < SKEW_S, f"{off:+.0f} s from the portal's", "set the clock: timedatectl set-ntp "
                    "true; orders are refused while it is off by more than five minutes")]  # fmt: skip


def _room(folders: Folders) -> Finding:
    free = shutil.disk_usage(folders.state if folders.state.exists() else "/").free
    return Finding("room", free > LEAST_FREE, f"{free // 1024**2} MiB free for the journal and the store",
                   f"make room below {folders.state}")  # fmt: skip
