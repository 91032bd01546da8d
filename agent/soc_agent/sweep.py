"""`device.sweep`: whether anything that an incident knows of is on this host, and where.

It reads and changes nothing. What could not be looked through, because time or disk were over, is told: not found in
half a disk is not absent.
"""

import hashlib
import ipaddress
import os
import pwd
import re
import stat
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from soc_agent.antivirus import Pace, walk, yield_to_others
from soc_agent.carry_out import Work
from soc_agent.guard.mounts import REAL
from soc_agent.host import Host
from soc_agent.journal import State
from soc_agent.live.stoppable import in_thread
from soc_agent.orders import Command, Refused
from soc_agent.own_traces import is_own_line, is_own_name
from soc_agent.processes import digest_of, processes
from soc_agent.quarantine import checked_path
from soc_agent.start_places import start_places

KINDS = frozenset({"hash", "path", "address", "domain", "account", "persistence"})
MAKERS = {64: hashlib.sha256, 40: hashlib.sha1, 32: hashlib.md5}
FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/opt", "/usr/local", "/home", "/root", "/srv", "/var/www")  # noqa: S108
MAX_INDICATORS, MAX_FOUND, MAX_FOLDERS = 2_000, 2_000, 50
# One indicator that is everywhere does not hide the others.
MOST_EACH = 50
MOST_FILES, MOST_BYTES, LARGEST, LONGEST_S = 300_000, 20 * 1024**3, 256 * 1024**2, 1_200.0
TELL_EVERY_S, _PART = 2.0, 1024 * 1024
LIMIT = "Names are looked for in the hosts file and in command lines; what was asked of a resolver is not kept here."


def works(host: Host) -> Mapping[str, Work]:
    async def sweep(order: Command) -> tuple[State, dict[str, Any]]:
        run = Sweep(host, order)
        pool = ThreadPoolExecutor(1)
        try:
            return await in_thread(lambda _stop: run.look(), tell=run.over.set, pool=pool)
        finally:
            run.over.set()
            pool.shutdown(wait=False)

    return {"device.sweep": sweep}


@dataclass(slots=True)
class Wanted:
    """Indicator ids by value, for each kind; `lengths` are the kinds of digests that are asked for."""

    by_kind: dict[str, dict[str, list[str]]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    unsupported: list[dict[str, str]] = field(default_factory=list)

    @property
    def lengths(self) -> set[int]:
        return {len(value) for value in self.by_kind["hash"]}


def read_wanted(arguments: Mapping[str, Any]) -> Wanted:
    listed = arguments.get("indicators")
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_INDICATORS:
        raise Refused("bad_arguments", f"Indicators are a list of at most {MAX_INDICATORS}.")
    wanted = Wanted()
    for one in listed:
        name, kind, value = (str(one.get(part, "")).strip() for part in ("id", "kind", "value"))
        clean, reason = _clean(kind, value)
        if reason:
            wanted.unsupported.append({"id": name[:80], "reason": reason})
        else:
            wanted.by_kind[kind].setdefault(clean, []).append(name[:80])
    return wanted


def _clean(kind: str, value: str) -> tuple[str, str]:
    """The value as it is compared, and why it cannot be."""
    if kind not in KINDS or not value or len(value) > 4096:
        return "", "This agent does not know this kind." if kind not in KINDS else "There is no value."
    if kind == "hash":
        value = value.lower()
        good = len(value) in MAKERS and re.fullmatch(r"[0-9a-f]+", value)
        return value, "" if good else "This is no SHA-256, SHA-1 or MD5."
    if kind == "address":
        try:
            return str(ipaddress.ip_address(value)), ""
        except ValueError:
            return "", "This is no address."
    if kind == "account":
        return value.rpartition("\\")[2].partition("@")[0].lower(), ""
    return value.lower() if kind == "domain" else value, ""


class Sweep:
    """One look through the host. `over` asks it to stop."""

    def __init__(self, host: Host, order: Command) -> None:
        self._host, self._order, self.over = host, order, threading.Event()
        self._wanted = read_wanted(order.arguments)
        limit = order.arguments.get("limit", MAX_FOUND)
        self._limit = limit if isinstance(limit, int) and 0 < limit <= MAX_FOUND else MAX_FOUND
        folders = order.arguments.get("folders") or list(FOLDERS)
        if not isinstance(folders, list) or len(folders) > MAX_FOLDERS:
            raise Refused("bad_arguments", f"Folders are a list of at most {MAX_FOLDERS}.")
        self._folders = [checked_path(one) for one in folders]
        self._until = time.monotonic() + min(LONGEST_S, order.run_s * 0.8)
        self.found: list[dict[str, str]] = []
        self._told: set[tuple[str, str]] = set()
        self._files, self._bytes = 0, 0
        self._incomplete: dict[str, str] = {}
        self._each: Counter[str] = Counter()
        self._read: dict[tuple[int, int], tuple[str, ...]] = {}
        self._known: dict[tuple[int, int], str] = {}

    def look(self) -> tuple[State, dict[str, Any]]:
        yield_to_others()
        began = time.monotonic()
        for name, part in (
            ("paths", self._paths), ("processes", self._processes), ("addresses", self._addresses),
            ("names", self._names), ("accounts", self._accounts), ("starts", self._starts), ("files", self._on_disk),
        ):  # fmt: skip
            if self.over.is_set():
                break
            try:
                part()
            except (OSError, psutil.Error, subprocess.SubprocessError) as error:
                self._incomplete[name] = f"{type(error).__name__}: {error}"[:200]
        result = {
            "found": self.found, "files": self._files, "bytes": self._bytes, "unsupported": self._wanted.unsupported,
            "incomplete": self._incomplete, "seconds": round(time.monotonic() - began, 1), "limits": [LIMIT],
            "folders": self._folders, "more": {name: n - MOST_EACH for name, n in self._each.items() if n > MOST_EACH},
        }  # fmt: skip
        return (State.PARTIALLY_SUCCEEDED if self._incomplete else State.SUCCEEDED), result

    def _hit(self, kind: str, value: str, where: str, detail: str, file: str = "") -> None:
        """`file` is what would have to go: its digest is told, so that an order can name it."""
        for name in self._wanted.by_kind[kind].get(value, ()):
            self._each[name] += 1
            if self._each[name] > MOST_EACH:
                continue
            if len(self.found) >= self._limit:
                self._incomplete["found"] = f"Only the first {self._limit} are told."
            elif (name, where) not in self._told:
                self._told.add((name, where))
                content = self._sha256(file) if file else ""
                named = {"sha256": content} if content else {}
                self.found.append({"id": name, "where": where[:1000], "detail": detail[:500], **named})
                self._host.news.say(self._order.id, f"{name}: {where}")

    def _paths(self) -> None:
        for path in self._wanted.by_kind["path"]:
            with suppress(OSError, ValueError):
                seen = os.lstat(path)
                kind = "folder" if stat.S_ISDIR(seen.st_mode) else "link" if stat.S_ISLNK(seen.st_mode) else "file"
                self._hit("path", path, path, f"a {kind} of {seen.st_size} bytes, owner {seen.st_uid}",
                          path if kind == "file" else "")  # fmt: skip

    def _processes(self) -> None:
        """What runs: by its path, and by what it holds, also when its file is gone."""
        for pid in processes():
            with suppress(OSError):
                path = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - may end in "(deleted)"
                self._hit("path", path.removesuffix(" (deleted)"), f"process {pid}", f"runs {path}",
                          f"/proc/{pid}/exe")  # fmt: skip
                self._file(f"/proc/{pid}/exe", f"process {pid}", f"runs {path}")
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").lower()
                for name in self._wanted.by_kind["domain"]:
                    if _names_host(line, name):
                        self._hit("domain", name, f"process {pid}", f"command line {line[:300]}")

    def _addresses(self) -> None:
        if not self._wanted.by_kind["address"]:
            return
        for one in psutil.net_connections("inet"):
            if one.raddr:
                address = str(ipaddress.ip_address(one.raddr.ip.partition("%")[0]))
                plain = address.removeprefix("::ffff:")
                if is_own_line(self._host.settings, plain, one.raddr.port, one.pid):
                    continue
                for value in {address, plain}:
                    self._hit("address", value, f"connection to {one.raddr.ip}:{one.raddr.port}",
                              f"{one.status}, process {one.pid or 'unknown'} {_name_of(one.pid)}")  # fmt: skip

    def _names(self) -> None:
        """The hosts file gives names to addresses."""
        for number, line in enumerate(Path("/etc/hosts").read_text(errors="replace").splitlines(), start=1):
            words = line.partition("#")[0].split()
            if is_own_name(self._host.settings, words):
                continue
            for word in words:
                self._hit("address", word, "/etc/hosts", f"line {number}: {line.strip()}")
                for name in self._wanted.by_kind["domain"]:
                    if word.lower() == name or word.lower().endswith(f".{name}"):
                        self._hit("domain", name, "/etc/hosts", f"line {number}: {line.strip()}")

    def _accounts(self) -> None:
        wanted = self._wanted.by_kind["account"]
        if not wanted:
            return
        for one in pwd.getpwall():
            self._hit("account", one.pw_name.lower(), "/etc/passwd", f"uid {one.pw_uid}, shell {one.pw_shell}")
        for process in psutil.process_iter(["pid", "username", "exe"]):
            user = str(process.info["username"] or "").lower()
            self._hit("account", user, f"process {process.info['pid']}", f"runs {process.info['exe'] or 'a program'}")
        for session in psutil.users():
            self._hit("account", session.name.lower(), f"session on {session.terminal or '?'}",
                      f"from {session.host or 'here'} since {time.ctime(session.started)}")  # fmt: skip
        for line in _last_logins():
            self._hit("account", line.split()[0].lower(), "last logins", " ".join(line.split()))

    def _starts(self) -> None:
        """Places that start something: by a part of their name or of their text."""
        names = self._wanted.by_kind["persistence"]
        for place in start_places():
            path = str(place.path)
            self._file(path, path, f"starts by itself ({place.kind})")
            if not names:
                continue
            text = place.path.read_text(errors="replace")
            whole = path if place.stands_alone else ""
            for name in names:
                if name in path:
                    self._hit("persistence", name, path, f"a {place.kind} of that name", whole)
                elif name in text:
                    line = next((one for one in text.splitlines() if name in one), "")
                    self._hit("persistence", name, path, f"{place.kind}: {line.strip()}", whole)

    def _on_disk(self) -> None:
        for item in self._host.vault.items():
            self._hit("hash", item.sha256, f"quarantine item {item.id}", f"was at {item.path}")
        if not self._wanted.lengths:
            return
        pace, told = Pace(0.5, []), time.monotonic()
        spared = (str(self._host.folders.vault),)
        for folder in self._folders:
            for path in walk(folder, spared, lambda kind: kind in REAL):
                if self.over.is_set() or self._exhausted():
                    return
                self._file(path, path, "a file")
                pace.keep(self.over)
                if time.monotonic() - told > TELL_EVERY_S:
                    told = time.monotonic()
                    self._host.news.say(self._order.id, f"{self._files} files, {len(self.found)} found; at {path}")

    def _exhausted(self) -> bool:
        reason = (
            f"The first {MOST_FILES} files were read." if self._files >= MOST_FILES
            else f"The first {MOST_BYTES} bytes were read." if self._bytes >= MOST_BYTES
            else "The time was over." if time.monotonic() > self._until else ""
        )  # fmt: skip
        if reason:
            self._incomplete["files"] = reason
        return bool(reason)

    def _file(self, path: str, where: str, detail: str) -> None:
        """Compare what a file holds; each is read once, however many places lead to it."""
        if not self._wanted.lengths:
            return
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError:
            return
        try:
            found = self._read_once(handle)
        except OSError:
            return
        finally:
            os.close(handle)
        for digest in found:
            self._hit("hash", digest, where, detail)

    def _sha256(self, path: str) -> str:
        """Of what lies there now; empty of what is no plain file, and when there was enough to read."""
        end = 0 if path.startswith("/proc/") else os.O_NOFOLLOW
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | end)
        except OSError:
            return ""
        try:
            seen = os.fstat(handle)
            key = (seen.st_dev, seen.st_ino)
            if not stat.S_ISREG(seen.st_mode) or seen.st_size > LARGEST or self._bytes >= MOST_BYTES:
                return ""
            if key not in self._known:
                self._known[key] = digest_of(handle)
                self._bytes += seen.st_size
            return self._known[key]
        except OSError:
            return ""
        finally:
            os.close(handle)

    def _read_once(self, handle: int) -> tuple[str, ...]:
        seen = os.fstat(handle)
        key = (seen.st_dev, seen.st_ino)
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > LARGEST:
            return ()
        if key not in self._read:
            made, place = [MAKERS[length](usedforsecurity=False) for length in self._wanted.lengths], 0
            while part := os.pread(handle, _PART, place):
                for one in made:
                    one.update(part)
                place += len(part)
            self._files += 1
            self._bytes += place
            digests = tuple(one.hexdigest() for one in made)
            # Of most files nothing is wanted, and then nothing is kept but that they were read.
            self._read[key] = tuple(one for one in digests if one in self._wanted.by_kind["hash"])
        return self._read[key]


def _names_host(line: str, name: str) -> bool:
    return name in line and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line) is not None


def _name_of(pid: int | None) -> str:
    try:
        return psutil.Process(pid).name() if pid else ""
    except psutil.Error:
        return ""


def _last_logins() -> list[str]:
    """Of the host's own record; without the program nobody reads it."""
    if not Path("/usr/bin/last").exists():
        return []
    done = subprocess.run(["/usr/bin/last", "-w", "-F", "-n", "500"], capture_output=True, text=True, timeout=20,
                          check=False, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})  # fmt: skip
    return [line for line in done.stdout.splitlines() if line.strip() and not line.startswith(("wtmp", "reboot"))]
