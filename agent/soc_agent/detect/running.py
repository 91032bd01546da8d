"""Processes as they come and go, read from /proc; in between nothing is asked of a process that is known."""

import os
import pwd
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "busybox", "fish"})
_INTERPRETER = re.compile(r"(python[0-9.]*|perl|ruby|node|php[0-9.]*|lua[0-9.]*|ba?sh|dash|zsh|ksh)$")
# A process that is younger may yet become another program: it was forked and has not begun its own.
YOUNG_S = 3.0
DELETED_EVERY_S = 5.0
MAX_LINE, MAX_ENDED = 4096, 300
_TICKS = os.sysconf("SC_CLK_TCK")
_DELETED = " (deleted)"


@dataclass(slots=True)
class Running:
    """One process. `program` is the script of an interpreter, else its own file."""

    pid: int
    ppid: int
    path: str
    deleted: bool
    command_line: str
    program: str
    user: str
    started: float
    stdio: str = ""
    told_deleted: bool = False
    read_at: float = field(default=0.0)

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name


class Processes:
    """`stdio_of` tells whether a shell's input and output are a connection."""

    def __init__(self, stdio_of: Callable[[int], str], proc: Path = Path("/proc")) -> None:
        self._proc, self._stdio_of = proc, stdio_of
        self.known: dict[int, Running] = {}
        self.ended: deque[Running] = deque(maxlen=MAX_ENDED)
        self._booted = time.time() - float((proc / "uptime").read_text().split()[0])
        self._deleted_at = 0.0
        self._first = True

    def look(self, now: float) -> Iterator[dict[str, Any]]:
        """What began since the last look, and what runs without its file."""
        pids = {int(entry) for entry in os.listdir(self._proc) if entry.isdigit()}  # noqa: PTH208 - ten times as quick
        for pid in self.known.keys() - pids:
            self.ended.append(self.known.pop(pid))
        for pid in pids - self.known.keys():
            yield from self.look_at(pid, now)
        if not self._first:
            yield from self._changed(now)
        self._first = False
        if now - self._deleted_at > DELETED_EVERY_S:
            self._deleted_at = now
            yield from self._deleted()

    def look_at(self, pid: int, now: float) -> Iterator[dict[str, Any]]:
        """A process that is not known yet, or may have become another."""
        found = self._read(pid, now)
        if found is None:
            return
        before = self.known.get(pid)
        if before is not None and before.started == found.started:
            if (before.path, before.command_line, before.stdio) == (found.path, found.command_line, found.stdio):
                before.read_at = now
                return
            found.told_deleted = before.told_deleted
        self.known[pid] = found
        if found.path:
            found.told_deleted = found.told_deleted or found.deleted
            yield {"kind": "process", "action": "started", "process": self.told(found)}

    def _changed(self, now: float) -> Iterator[dict[str, Any]]:
        young = time.time() - YOUNG_S
        for one in [one for one in self.known.values() if one.started > young and one.read_at < now]:
            yield from self.look_at(one.pid, now)

    def _deleted(self) -> Iterator[dict[str, Any]]:
        for one in list(self.known.values()):
            if not one.told_deleted and one.path and _link(f"{self._proc}/{one.pid}/exe").endswith(_DELETED):
                one.deleted = one.told_deleted = True
                yield {"kind": "process", "action": "deleted", "process": self.told(one)}

    def _read(self, pid: int, now: float) -> Running | None:
        base = f"{self._proc}/{pid}"
        try:
            with open(f"{base}/stat", "rb") as file:  # noqa: PTH123 - read for every new process
                words = file.read().rpartition(b")")[2].split()
            with open(f"{base}/cmdline", "rb") as file:  # noqa: PTH123 - as above
                arguments = file.read(MAX_LINE * 2).split(b"\0")
            uid = os.stat(base).st_uid  # noqa: PTH116 - as above
        except (OSError, IndexError):
            return None
        link = _link(f"{base}/exe")
        line = b" ".join(arguments).decode(errors="replace").strip()[:MAX_LINE]
        path = link.removesuffix(_DELETED)
        found = Running(pid, int(words[1]), path, link.endswith(_DELETED), line, path, user_name(uid),
                        self._booted + int(words[19]) / _TICKS, read_at=now)  # fmt: skip
        found.program = _script(base, path, arguments) or path
        if found.name in SHELLS:
            found.stdio = self._stdio_of(pid)
        return found

    def told(self, one: Running) -> dict[str, Any]:
        """As rules see it, with those that started it."""
        ancestors: list[str] = []
        parent = self.by_pid(one.ppid)
        above = parent
        while above is not None and len(ancestors) < 10 and above.pid > 1:
            ancestors.append(above.name)
            above = self.by_pid(above.ppid) if above.ppid != above.pid else None
        return {
            **_plain(one), "name": one.name, "program": one.program, "deleted": one.deleted,
            "shell": one.name in SHELLS, "stdio": one.stdio, "ancestors": ancestors,
            "parent": _plain(parent) if parent is not None else {},
        }  # fmt: skip

    def by_pid(self, pid: int) -> Running | None:
        return self.known.get(pid) or next((one for one in reversed(self.ended) if one.pid == pid), None)


def _plain(one: Running) -> dict[str, Any]:
    return {"pid": one.pid, "ppid": one.ppid, "path": one.path, "command_line": one.command_line, "user": one.user,
            "started": one.started}  # fmt: skip


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - read for every process
    except OSError:
        return ""


def _script(base: str, path: str, arguments: list[bytes]) -> str:
    """The file that an interpreter was given to run, with its whole path."""
    if not _INTERPRETER.search(path):
        return ""
    named = next((one for one in arguments[1:] if one and not one.startswith(b"-")), b"")
    if not named or arguments[1:2] in ([b"-c"], [b"-m"], [b"-e"]) or b"-c" in arguments[1 : arguments.index(named)]:
        return ""
    script = os.path.normpath(os.path.join(_link(f"{base}/cwd"), os.fsdecode(named)))  # noqa: PTH118 - links stay as they are
    return script if os.path.isfile(f"{base}/root{script}") else ""  # noqa: PTH113 - as the process sees it


@lru_cache(maxsize=512)
def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
