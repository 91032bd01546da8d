"""The steps of the package. Each reads what is there and yields a row for each thing; a row that cannot be read says
so in itself, so that one thing never costs the others."""

import hashlib
import os
import pwd
import stat
import subprocess
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from soc_agent.inventory import read_inventory
from soc_agent.package.collect import Room, Step
from soc_agent.processes import Hashes

Row = dict[str, Any]
MAX_TEXT = 200_000
MAX_COPY = 1024 * 1024
MAX_WALKED, MAX_LISTED = 400_000, 20_000
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "LANG": "C"}
PROGRAMS = ("/usr", "/bin", "/sbin", "/opt", "/home", "/root", "/tmp", "/var")  # noqa: S108 - attackers write there
# Where programs start from without anybody starting them.
AUTOSTARTS = (
    "/etc/crontab", "/etc/cron.d/*", "/etc/cron.hourly/*", "/etc/cron.daily/*", "/etc/cron.weekly/*",
    "/etc/cron.monthly/*", "/var/spool/cron/crontabs/*", "/var/spool/cron/atjobs/*", "/etc/anacrontab",
    "/etc/systemd/system/**/*.service", "/etc/systemd/system/**/*.timer", "/etc/systemd/user/**/*.service",
    "/usr/lib/systemd/system-generators/*", "/run/systemd/transient/*.service", "/etc/init.d/*", "/etc/rc.local",
    "/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/environment", "/etc/ld.so.preload",
    "/etc/ld.so.conf.d/*", "/etc/xdg/autostart/*", "/etc/udev/rules.d/*", "/etc/modules-load.d/*",
    "/etc/apt/apt.conf.d/*", "/etc/update-motd.d/*", "/etc/pam.d/*",
)  # fmt: skip
OF_EACH_HOME = (
    ".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".config/autostart/*",
    ".config/systemd/user/**/*.service", ".ssh/authorized_keys", ".ssh/rc", ".xprofile",
)  # fmt: skip
COPIES = (
    "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/sudoers", "/etc/sudoers.d/*", "/etc/passwd",
    "/etc/group", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*", "/etc/os-release", "/proc/mounts",
    "/proc/modules", "/proc/cmdline",
)  # fmt: skip


def processes(room: Room) -> Iterator[Row]:
    hashes = Hashes()
    wanted = ["pid", "ppid", "name", "username", "create_time", "cmdline", "cwd", "status", "num_threads"]
    for one in psutil.process_iter(wanted, ad_value=None):
        room.take()
        path = _link(f"/proc/{one.pid}/exe")
        yield {**one.info, "exe": path.removesuffix(" (deleted)"), "deleted": path.endswith(" (deleted)"),
               "sha256": hashes.of_process(one.pid), "network_namespace": _link(f"/proc/{one.pid}/ns/net")}  # fmt: skip


def connections(room: Room) -> Iterator[Row]:
    for one in psutil.net_connections("all"):
        room.take()
        yield {"family": str(one.family), "type": str(one.type), "local": _address(one.laddr),
               "remote": _address(one.raddr), "status": one.status, "pid": one.pid}  # fmt: skip


def users(room: Room) -> Iterator[Row]:
    for one in pwd.getpwall():
        room.take()
        keys = Path(one.pw_dir) / ".ssh/authorized_keys"
        yield {"name": one.pw_name, "uid": one.pw_uid, "gid": one.pw_gid, "home": one.pw_dir, "shell": one.pw_shell,
               "authorized_keys": _text(keys).splitlines()[:100]}  # fmt: skip


def autostarts(room: Room) -> Iterator[Row]:
    for path in _found(AUTOSTARTS, OF_EACH_HOME):
        room.take()
        yield _file(path, content=True)


def packages(room: Room) -> Iterator[Row]:
    for row in read_inventory().get("packages", []):
        room.take()
        yield row


def copies(room: Room) -> Iterator[Row]:
    for path in _found(COPIES, ()):
        room.take()
        yield _file(path, content=True)


def privileged_files(room: Room) -> Iterator[Row]:
    """Files that run with the rights of their owner, on the disks of this host."""
    for entry in _walk(PROGRAMS, room):
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError:
            continue
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            yield _file(Path(entry.path), content=False)


def temporary_files(room: Room) -> Iterator[Row]:
    places = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - where attackers put things
    for entry in islice(_walk(places, room), MAX_LISTED):
        yield _file(Path(entry.path), content=False)


def preloads(room: Room) -> Iterator[Row]:
    """Processes into which something is loaded before their own libraries."""
    for pid in psutil.pids():
        room.take()
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for entry in environment:
            if entry.startswith((b"LD_PRELOAD=", b"LD_AUDIT=", b"LD_LIBRARY_PATH=")):
                yield {"pid": pid, "entry": entry.decode(errors="replace")[:1000]}


def system(_room: Room) -> Iterator[Row]:
    yield {name: value for name, value in read_inventory().items() if name != "packages"}


def output_of(*commands: Sequence[str]) -> Any:
    """A step that keeps what these programs say."""

    def read(room: Room) -> Iterator[Row]:
        for command in commands:
            room.take()
            yield _said(command)

    return read


def _said(command: Sequence[str]) -> Row:
    try:
        done = subprocess.run(command, capture_output=True, timeout=45, check=False, env=_ENVIRONMENT,
                              stdin=subprocess.DEVNULL)  # fmt: skip
    except FileNotFoundError:
        return {"command": " ".join(command), "error": "not installed"}
    except subprocess.TimeoutExpired:
        return {"command": " ".join(command), "error": "no answer within 45 seconds"}
    return {"command": " ".join(command), "code": done.returncode,
            "output": done.stdout.decode(errors="replace")[:MAX_TEXT],
            "errors": done.stderr.decode(errors="replace")[:2000]}  # fmt: skip


STEPS: tuple[Step, ...] = (
    Step("system", "System, interfaces, users, services", "read", system),
    Step("processes", "Processes with the digest of what they run", "/proc", processes),
    Step("connections", "Open and listening connections", "/proc/net", connections),
    Step("users", "Accounts and the keys that let them in", "/etc/passwd", users),
    Step("sign_ins", "Who signed in, and who tried", "last, lastb, who",
         output_of(["last", "-Fwn", "500"], ["lastb", "-Fwn", "500"], ["who", "-a"])),
    Step("autostarts", "What starts by itself", "files", autostarts),
    Step("units", "Units and timers", "systemctl",
         output_of(["systemctl", "list-units", "--all", "--no-pager"],
                   ["systemctl", "list-timers", "--all", "--no-pager"])),
    Step("packages", "Installed packages", "dpkg-query", packages),
    Step("network", "Addresses, neighbours, routes, filters, sockets", "ip, nft, ss",
         output_of(["ip", "-d", "address"], ["ip", "neighbour"], ["ip", "route", "show", "table", "all"],
                   ["nft", "list", "ruleset"], ["ss", "-anpe"])),
    Step("configuration", "Copies of what decides who may do what", "/etc", copies),
    Step("privileged_files", "Files that run as their owner", "walk", privileged_files),
    Step("temporary_files", "Files where everybody may write", "walk", temporary_files),
    Step("journal", "The log of the last seven days", "journalctl",
         output_of(["journalctl", "--since", "-7 days", "--no-pager", "-o", "short-iso", "-n", "20000"])),
    Step("kernel_modules", "Loaded modules and the kernel's own words", "lsmod, dmesg",
         output_of(["lsmod"], ["dmesg", "-T"])),
    Step("preloads", "What is loaded into processes", "/proc", preloads),
)  # fmt: skip


def _found(patterns: Sequence[str], of_homes: Sequence[str]) -> Iterator[Path]:
    homes = {Path(one.pw_dir) for one in pwd.getpwall() if one.pw_dir not in ("", "/", "/nonexistent")}
    for pattern in patterns:
        yield from sorted(Path("/").glob(pattern.lstrip("/")))
    for home in sorted(homes):
        for pattern in of_homes:
            try:
                yield from sorted(home.glob(pattern))
            except OSError:
                continue


def _walk(tops: Sequence[str], room: Room) -> Iterator["os.DirEntry[str]"]:
    """Plain files below, on the same disk as each top, links not followed."""
    walked = 0
    for top in tops:
        try:
            device = Path(top).stat().st_dev
        except OSError:
            continue
        waiting = [top]
        while waiting:
            try:
                entries = list(os.scandir(waiting.pop()))
            except OSError:
                continue
            for entry in entries:
                walked += 1
                room.take()
                if walked > MAX_WALKED:
                    return
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.stat(follow_symlinks=False).st_dev == device:
                            waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        yield entry
                except OSError:
                    continue


def _file(path: Path, *, content: bool) -> Row:
    """Never opens what is no plain file: a pipe would wait for ever."""
    try:
        seen = path.lstat()
    except OSError as error:
        return {"path": str(path), "error": error.strerror}
    row: Row = {"path": str(path), "mode": stat.filemode(seen.st_mode), "uid": seen.st_uid, "gid": seen.st_gid,
                "size": seen.st_size, "modified": seen.st_mtime, "changed": seen.st_ctime}  # fmt: skip
    if stat.S_ISLNK(seen.st_mode):
        return {**row, "link_to": _link(str(path))}
    if not stat.S_ISREG(seen.st_mode):
        return row
    try:
        with path.open("rb") as file:
            if seen.st_size <= MAX_COPY:
                data = file.read(MAX_COPY)
                row["sha256"] = hashlib.sha256(data).hexdigest()
                if content:
                    row["content"] = data.decode(errors="replace")[:MAX_TEXT]
            else:
                row["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        row["error"] = error.strerror
    return row


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")[:MAX_TEXT] if path.is_file() else ""
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


def _address(value: Any) -> str:
    if not value:
        return ""
    return value if isinstance(value, str) else f"{value[0]}:{value[1]}"
