"""What this host is, read from the host itself: system, interfaces, users, packages, listening services."""

import os
import platform
import pwd
import socket
import subprocess
from pathlib import Path
from typing import Any

import psutil

MAX_PACKAGES, MAX_USERS, MAX_LISTENERS = 10_000, 2_000, 1_000
_LOGIN_SHELLS = ("nologin", "false", "sync")


def read_inventory() -> dict[str, Any]:
    """As JSON. What cannot be read is missing and named in `unread`."""
    unread: dict[str, str] = {}
    parts = {
        "system": _system, "interfaces": _interfaces, "users": _users, "packages": _packages, "listening": _listening,
    }  # fmt: skip
    found: dict[str, Any] = {}
    for name, read in parts.items():
        try:
            found[name] = read()
        except (OSError, ValueError, subprocess.SubprocessError, psutil.Error) as error:
            unread[name] = f"{type(error).__name__}: {error}"[:200]
    return {**found, "unread": unread}


def _system() -> dict[str, Any]:
    release = platform.freedesktop_os_release()
    return {
        "host_name": socket.gethostname(),
        "dns_name": _dns_name(socket.gethostname()),
        "os": release.get("NAME", "Linux"),
        "os_version": release.get("VERSION_ID", ""),
        "os_id": release.get("ID", "linux"),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "machine_id": _first_line("/etc/machine-id"),
        "booted": psutil.boot_time(),
        "memory_bytes": psutil.virtual_memory().total,
        "cpus": os.cpu_count() or 1,
    }


def _dns_name(host: str) -> str:
    """As the host itself has it written down: a host that is cut off has nobody to ask."""
    if "." in host:
        return host
    try:
        lines = Path("/etc/hosts").read_text(errors="replace").splitlines()
    except OSError:
        return host
    named = [line.partition("#")[0].split()[1:] for line in lines]
    return next((one for names in named if host in names for one in names if one.startswith(f"{host}.")), host)


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").partition("\n")[0].strip()[:200]
    except OSError:
        return ""


def _interfaces() -> list[dict[str, Any]]:
    up, found = _interfaces_up(), []
    for name, addresses in psutil.net_if_addrs().items():
        if name == "lo":
            continue
        found.append({
            "name": name,
            "up": name in up,
            "mac": next((one.address for one in addresses if one.family == psutil.AF_LINK), ""),
            "addresses": [
                one.address.partition("%")[0] for one in addresses
                if one.family in (socket.AF_INET, socket.AF_INET6)
            ],
        })  # fmt: skip
    return found


def _interfaces_up() -> set[str]:
    """The helper may make no socket of an address family, through which this is asked: then from the kernel's files."""
    try:
        return {name for name, one in psutil.net_if_stats().items() if one.isup}
    except OSError:
        states = Path("/sys/class/net").glob("*/operstate")
        return {one.parent.name for one in states if _first_line(str(one)) in ("up", "unknown")}


def _users() -> list[dict[str, Any]]:
    return [
        {"name": one.pw_name, "uid": one.pw_uid, "home": one.pw_dir,
         "may_log_in": not one.pw_shell.endswith(_LOGIN_SHELLS)}
        for one in pwd.getpwall()[:MAX_USERS]
    ]  # fmt: skip


_PACKAGE = "${db:Status-Abbrev}\t${Package}\t${Version}\t${source:Package}\t${source:Version}\n"


def _packages() -> list[dict[str, str]]:
    """Of Debian and its relatives; others have none here yet, and `unread` says so."""
    text = subprocess.run(
        ["/usr/bin/dpkg-query", "-W", "-f", _PACKAGE],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    rows = [line.split("\t") for line in text.splitlines()[:MAX_PACKAGES] if line.startswith("ii")]
    return [{"name": row[1], "version": row[2], "source": row[3], "source_version": row[4]} for row in rows]


def _listening() -> list[dict[str, Any]]:
    found = [
        {"protocol": "tcp" if one.type == socket.SOCK_STREAM else "udp", "address": one.laddr.ip,
         "port": one.laddr.port, "program": _name_of(one.pid)}
        for one in psutil.net_connections("inet")
        if one.status == psutil.CONN_LISTEN or (one.type == socket.SOCK_DGRAM and not one.raddr)
    ]  # fmt: skip
    return found[:MAX_LISTENERS]


def _name_of(pid: int | None) -> str:
    try:
        return psutil.Process(pid).name() if pid else ""
    except psutil.Error:
        return ""
