"""Looking at what runs and what starts: processes, connections, services, timers, cron, autostarts, kernel modules."""

import configparser
import os
import platform
import pwd
import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil

from soc_agent import __version__
from soc_agent.live.answer import Answer, Row, table
from soc_agent.live.stoppable import Stop
from soc_agent.package.steps import AUTOSTARTS, OF_EACH_HOME

UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
CRON_FILES = ("/etc/crontab", "/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron")
STARTUP = (
    "/etc/init.d", "/etc/profile.d", "/etc/xdg/autostart", "/etc/rc.local", "/etc/cron.hourly", "/etc/cron.daily",
    "/etc/cron.weekly", "/etc/cron.monthly", "/etc/update-motd.d", "/etc/modules-load.d",
)  # fmt: skip
_MOST_READ = 1024 * 1024


def connect() -> Answer:
    """Who answers, as the console shows it."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    facts = {"host": socket.gethostname(), "kernel": f"{platform.system()} {platform.release()}", "user": user,
             "agent": __version__, "folder": "/"}  # fmt: skip
    return Answer(text=f"Connected to {facts['host']} as {user}, {facts['kernel']}.", facts=facts)


def processes(pid: int | None, name: str, stop: Stop) -> Answer:
    wanted = ["pid", "ppid", "name", "username", "create_time", "cmdline", "status", "memory_info"]

    def rows() -> Iterator[Row]:
        for one in psutil.process_iter(wanted, ad_value=None):
            stop.check()
            seen = one.info
            if (pid is None or seen["pid"] == pid) and name.lower() in str(seen["name"] or "").lower():
                yield _process(one.pid, seen)

    answer = table(rows())
    if not answer.rows:
        answer.text = "No process fits."
    return answer


def _process(pid: int, seen: dict[str, Any]) -> Row:
    memory = seen["memory_info"]
    return {
        "pid": pid, "ppid": seen["ppid"], "name": seen["name"], "user": seen["username"],
        "started": _moment(seen["create_time"]), "memory_mib": round(memory.rss / 1024**2, 1) if memory else None,
        "state": seen["status"], "path": _link(f"/proc/{pid}/exe"), "command": " ".join(seen["cmdline"] or []),
    }  # fmt: skip


def started_at(pid: int) -> str:
    """As `processes` tells it; empty when it is gone."""
    try:
        return _moment(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""


def connections(stop: Stop) -> Answer:
    names: dict[int, str] = {}

    def rows() -> Iterator[Row]:
        for one in psutil.net_connections("inet"):
            stop.check()
            if one.pid and one.pid not in names:
                names[one.pid] = _text(f"/proc/{one.pid}/comm").strip()
            yield {
                "protocol": "tcp" if one.type == socket.SOCK_STREAM else "udp", "local": _address(one.laddr),
                "remote": _address(one.raddr), "state": one.status.lower(), "pid": one.pid,
                "process": names.get(one.pid or 0, ""),
            }  # fmt: skip

    answer = table(rows())
    answer.text = "" if answer.rows else "No connection."
    return answer


def drivers() -> Answer:
    def rows() -> Iterator[Row]:
        for line in _text("/proc/modules").splitlines():
            name, size, used, by, state, *_ = line.split()
            taint = _text(f"/sys/module/{name}/taint").strip()
            yield {"name": name, "size": int(size), "used": int(used), "by": by.strip("-,"), "state": state.lower(),
                   "taint": taint}  # fmt: skip

    answer = table(rows())
    answer.text = "" if answer.rows else "No module is loaded, or this host does not show them."
    return answer


def services(name: str, stop: Stop) -> Answer:
    """From the unit files, with what runs beside each: the same on a host without a running systemd."""
    running = {name: pid for pid, name in _units_of_processes()}

    def rows() -> Iterator[Row]:
        seen: set[str] = set()
        for path in _unit_files(".service"):
            stop.check()
            if path.name in seen or name.lower() not in path.name.lower():
                continue
            seen.add(path.name)
            unit = _unit(path)
            yield {"service": path.name, "running": path.name in running, "pid": running.get(path.name),
                   "enabled": is_enabled(path.name), "starts": unit.get("Service", "ExecStart", fallback=""),
                   "user": unit.get("Service", "User", fallback=""), "file": str(path)}  # fmt: skip

    answer = table(rows())
    answer.text = "" if answer.rows else "No service fits."
    return answer


def _units_of_processes() -> Iterator[tuple[int, str]]:
    for pid in psutil.pids():
        for line in _text(f"/proc/{pid}/cgroup").splitlines():
            last = line.rpartition("/")[2]
            if last.endswith(".service"):
                yield pid, last


def is_enabled(unit: str) -> bool:
    """Whether something wants it at start."""
    return any(next(Path(folder).glob(f"*.wants/{unit}"), None) is not None for folder in UNITS[:2])


def _unit_files(ending: str) -> Iterator[Path]:
    for folder in UNITS:
        yield from sorted(Path(folder).glob(f"*{ending}"))


def _unit(path: Path) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), allow_no_value=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        unit.read_string(_text(str(path)))
    except configparser.Error:
        unit.clear()
    return unit


def scheduled(name: str, stop: Stop) -> Answer:
    """Timers, and each cron entry under the name by which `remediate cron` takes it: `file:line`."""

    def rows() -> Iterator[Row]:
        for row in [*_timers(), *cron_entries()]:
            stop.check()
            if name.lower() in f"{row['task']} {row['runs']}".lower():
                yield row

    answer = table(rows())
    answer.text = "" if answer.rows else "No timer and no cron entry fits."
    return answer


def _timers() -> Iterator[Row]:
    for path in _unit_files(".timer"):
        unit = _unit(path)
        when = [f"{key}={value}" for key, value in (unit.items("Timer") if unit.has_section("Timer") else [])
                if key.startswith("On")]  # fmt: skip
        runs = unit.get("Timer", "Unit", fallback=path.stem + ".service")
        yield {"task": path.name, "kind": "timer", "when": ", ".join(when), "user": "", "runs": runs,
               "enabled": is_enabled(path.name), "file": str(path)}  # fmt: skip


def cron_files() -> Iterator[Path]:
    for place in map(Path, CRON_FILES):
        if place.is_file():
            yield place
        elif place.is_dir():
            yield from (one for one in sorted(place.iterdir()) if one.is_file() and not one.is_symlink())


def cron_entries() -> Iterator[Row]:
    for path in cron_files():
        with_user = not str(path).startswith("/var/spool/")
        for number, line in enumerate(_text(str(path)).splitlines(), start=1):
            text = line.strip()
            if not text or text.startswith("#") or "=" in text.split()[0]:
                continue
            words = text.split(None, 6 if with_user else 5) if not text.startswith("@") else _at(text, with_user)
            if len(words) < (7 if with_user else 6):
                continue
            yield {"task": f"{path}:{number}", "kind": "cron", "when": " ".join(words[:5]).strip(),
                   "user": words[5] if with_user else path.name, "runs": words[-1], "enabled": True,
                   "file": str(path)}  # fmt: skip


def _at(text: str, with_user: bool) -> list[str]:
    """`@reboot root /bin/x` with as many words as a line with five times."""
    words = text.split(None, 2 if with_user else 1)
    return [words[0], "", "", "", "", *words[1:]]


def persistence(stop: Stop) -> Answer:
    """Every place from which something starts without anybody starting it, with what stands there."""

    def rows() -> Iterator[Row]:
        for kind, made in (("service", services("", stop)), ("scheduled", scheduled("", stop))):
            for row in made.rows:
                if kind != "service" or (row["enabled"] and not str(row["file"]).startswith(("/usr/lib", "/lib"))):
                    yield {"kind": kind, "name": row.get("service") or row.get("task"),
                           "runs": row.get("starts") or row.get("runs"), "file": row["file"]}  # fmt: skip
        for path in _autostarts():
            stop.check()
            yield {"kind": "autostart", "name": path.name, "runs": _first_line(path), "file": str(path)}

    return table(rows())


def _autostarts() -> Iterator[Path]:
    """Files other than units and cron, which have rows of their own."""
    others = [pattern for pattern in AUTOSTARTS if "systemd" not in pattern and "cron" not in pattern]
    for pattern in others:
        yield from _glob(Path("/"), pattern.lstrip("/"))
    for one in pwd.getpwall():
        home = Path(one.pw_dir)
        if one.pw_dir.startswith("/") and home.is_dir() and home != Path("/"):
            for pattern in OF_EACH_HOME:
                yield from _glob(home, pattern)


def _glob(root: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from (path for path in sorted(root.glob(pattern)) if path.is_file() and not path.is_symlink())
    except OSError:
        return


def startup_folders(stop: Stop) -> Answer:
    def rows() -> Iterator[Row]:
        homes = [f"{one.pw_dir}/.config/autostart" for one in pwd.getpwall() if one.pw_dir.startswith("/")]
        for place in [*STARTUP, *dict.fromkeys(homes)]:
            stop.check()
            path = Path(place)
            for one in sorted(path.iterdir()) if path.is_dir() else [path] if path.is_file() else []:
                seen = one.lstat()
                yield {"folder": place, "name": one.name, "size": seen.st_size, "modified": _moment(seen.st_mtime),
                       "runs": bool(seen.st_mode & 0o111)}  # fmt: skip

    answer = table(rows())
    answer.text = "" if answer.rows else "Nothing lies there."
    return answer


def _first_line(path: Path) -> str:
    lines = (line.strip() for line in _text(str(path))[:20_000].splitlines())
    return next((line[:200] for line in lines if line and not line.startswith("#")), "")


def _text(path: str) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        with os.fdopen(handle, "rb") as file:
            return file.read(_MOST_READ).decode(errors="replace")
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


def _address(address: Any) -> str:
    return f"{address.ip}:{address.port}" if address else ""


def _moment(at: float | None) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""  # noqa: UP017 - 3.11
