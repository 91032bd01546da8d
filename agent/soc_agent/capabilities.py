"""What this host can do now, found by looking: kernel, tools, rights. What it cannot is told with the reason."""

import ctypes
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from soc_agent.scan_engines import SOCKETS

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
CAP_CHOWN, CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_KILL, CAP_SYS_PTRACE = 0, 12, 21, 5, 19


def find_capabilities() -> dict[str, str]:
    """By action: why it cannot be done here, empty when it can."""
    return {action: first_reason(*checks) for action, checks in _NEEDS.items()}


def first_reason(*checks: Callable[[], str]) -> str:
    return next((reason for check in checks if (reason := check())), "")


def holds(capability: int) -> bool:
    """Whether this process has the capability in effect."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False


def _needs(capability: int, name: str) -> Callable[[], str]:
    return lambda: "" if holds(capability) else f"The helper lacks the right {name}."


def _tool(name: str, package: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(name, path=PATH) else f"{name} is not installed (package {package})."


def _nft_works() -> str:
    """Asks the kernel, not the version: some kernels come without it."""
    found = shutil.which("nft", path=PATH)
    if found is None:
        return "nft is not installed (package nftables)."
    text = "table inet soc_probe {}\ndelete table inet soc_probe\n"
    done = subprocess.run([found, "-c", "-f", "-"], input=text, capture_output=True, text=True, timeout=20, check=False)
    return "" if done.returncode == 0 else f"nft is refused: {done.stderr.strip()[:120]}"


def _first_user_namespace() -> str:
    """The kernel lets nobody in a later one decide about the opening of files."""
    try:
        fields = Path("/proc/self/uid_map").read_text().split()
    except OSError:
        return "The user namespace cannot be read."
    return "" if fields[:3] == ["0", "0", "4294967295"] else "It takes real root: this host is a user namespace."


def _fanotify_works() -> str:
    reason = _first_user_namespace()
    if reason:
        return reason
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.fanotify_init(0x4 | 0x1, os.O_RDONLY)
    if handle < 0:
        return f"The kernel refuses fanotify: {os.strerror(ctypes.get_errno())}."
    os.close(handle)
    return ""


def _some_scanner() -> str:
    """ClamAV's daemon, or YARA; with digests of indicators alone a scan is worth little."""
    if any(Path(one).is_socket() for one in SOCKETS) or importlib.util.find_spec("yara") is not None:
        return ""
    return ("Nothing that scans is here: install the package clamav-daemon, or python3-yara and put rules into "
            "/etc/soc-agent/yara; hashes of indicators are looked for as soon as one of them is there.")  # fmt: skip


def _terminal() -> str:
    """Whether this host has pseudo-terminals."""
    try:
        ends = os.openpty()
    except OSError as error:
        return f"This host gives no terminal: {error.strerror}."
    for end in ends:
        os.close(end)
    return ""


def _shadow_writable() -> str:
    """Whether the day of expiry of an account can be changed here."""
    if not Path("/etc/shadow").is_file():
        return "This host has no shadow file."
    return "" if os.access("/etc", os.W_OK) else "The folder /etc cannot be written to."


_NET = (_needs(CAP_NET_ADMIN, "CAP_NET_ADMIN"), _nft_works)
_STOP = (_needs(CAP_KILL, "CAP_KILL"), _needs(CAP_SYS_PTRACE, "CAP_SYS_PTRACE"))
_NEEDS: dict[str, tuple[Callable[[], str], ...]] = {
    "device.isolate": _NET,
    "device.contain": _NET,
    "identity.contain": (*_STOP, _needs(CAP_CHOWN, "CAP_CHOWN"), _shadow_writable),
    "file.quarantine": _STOP,
    "file.restore": (),
    "device.collect_package": (),
    "device.antivirus_scan": (_some_scanner,),
    "device.sweep": (),
    "device.offboard": (),
    "file.collect": (),
    "device.restrict_execution": (_needs(CAP_SYS_ADMIN, "CAP_SYS_ADMIN"), _fanotify_works),
    "indicators.file": (_needs(CAP_SYS_ADMIN, "CAP_SYS_ADMIN"), _fanotify_works),
    "indicators.address": _NET,
    "live.shell": (_terminal,),
}
