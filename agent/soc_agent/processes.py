"""Finding and ending every process that runs a file, whatever the file is called now.

A program is known by the digest of what it runs, not by its name: one that was renamed or deleted while it ran is
found as well. Processes are stopped first and killed then, all together, so that none of a pair starts the other anew.
"""

import hashlib
import os
import select
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

# Above this a file is hashed no further: nothing that large runs as a program, and the helper must go on.
MAX_HASHED = 2 * 1024**3
ROUNDS = 5
ENDED_WITHIN_S = 5.0
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Process:
    """`deleted` says that its file is gone from where it was started."""

    pid: int
    name: str
    path: str
    sha256: str
    deleted: bool


@dataclass(slots=True)
class Ended:
    """What was killed, and what would not die."""

    killed: list[Process] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


def digest_of(handle: int) -> str:
    """SHA-256 of what an open file holds, from its beginning; raises `OSError`."""
    found, read = hashlib.sha256(), 0
    while part := os.pread(handle, _CHUNK, read):
        found.update(part)
        read += len(part)
        if read > MAX_HASHED:
            raise OSError(f"larger than {MAX_HASHED} bytes")
    return found.hexdigest()


class Hashes:
    """Digests of the files behind processes, once for each file as long as it does not change."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int, int], str] = {}

    def of_process(self, pid: int) -> str:
        """Digest of what the process runs; empty when it cannot be read (a thread of the kernel, or it ended)."""
        try:
            handle = os.open(f"/proc/{pid}/exe", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return ""
        try:
            seen = os.fstat(handle)
            key = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)
            if key not in self._known:
                self._known[key] = digest_of(handle)
            return self._known[key]
        except OSError:
            return ""
        finally:
            os.close(handle)


def processes() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def running(sha256: str, hashes: Hashes | None = None) -> list[Process]:
    """Every process that runs a file of this digest, as its program or as the script given to an interpreter."""
    hashes = hashes or Hashes()
    found = []
    for pid in processes():
        if pid == os.getpid():
            continue
        if hashes.of_process(pid) == sha256 or _script_digest(pid) == sha256:
            found.append(_described(pid, sha256))
    return found


def _script_digest(pid: int) -> str:
    """Digest of the first argument that is a file, seen with the eyes of the process; empty when there is none."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:4]
    except OSError:
        return ""
    for argument in arguments:
        if not argument or argument.startswith(b"-"):
            continue
        base = f"/proc/{pid}/root" if argument.startswith(b"/") else f"/proc/{pid}/cwd/"
        try:
            handle = os.open(os.fsencode(base) + argument, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            return digest_of(handle) if stat.S_ISREG(os.fstat(handle).st_mode) else ""
        except OSError:
            return ""
        finally:
            os.close(handle)
    return ""


def _described(pid: int, sha256: str) -> Process:
    try:
        path = str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        path = ""
    try:
        name = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        name = ""
    return Process(pid, name, path.removesuffix(" (deleted)"), sha256, path.endswith(" (deleted)"))


def of_user(uid: int) -> list[Process]:
    """Every process that this user started. What runs in a container of the host's own is not the user's, though the
    number may be the same."""
    own = _spaces("self")
    found = []
    for pid in processes():
        spaces = _spaces(str(pid))
        if _real_uid(pid) == uid and (spaces[0] != own[0] or spaces[1] == own[1]):
            found.append(_described(pid, ""))
    return found


def _spaces(pid: str) -> tuple[str, str]:
    """The namespaces of users and of processes that it lives in."""
    try:
        return str(Path(f"/proc/{pid}/ns/user").readlink()), str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return "", ""


def _real_uid(pid: int) -> int:
    """-1 when it ended. One that waits to be fetched by its parent has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return -1
    told = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return -1 if told.get("State", "Z").strip().startswith(("Z", "X")) else int(told.get("Uid", "-1").split()[0])


def end_politely(find: Callable[[], list[Process]]) -> Ended:
    """Ask all that are found to end, then stop and kill those that stay and those that came since."""
    asked = [(one, handle) for one in find() if (handle := _open(one.pid)) is not None]
    try:
        for _one, handle in asked:
            _send(handle, signal.SIGTERM)
        _wait(asked)
    finally:
        for _one, handle in asked:
            os.close(handle)
    ended = end_all(find)
    known = {one.pid for one in ended.killed} | set(ended.left)
    ended.killed = [*(one for one, _handle in asked if one.pid not in known), *ended.killed]
    return ended


def end_all(find: Callable[[], list[Process]]) -> Ended:
    """Stop all that are found, then kill them, until none is found any more."""
    ended = Ended()
    for _ in range(ROUNDS):
        found = find()
        if not found:
            return ended
        handles = [(one, handle) for one in found if (handle := _open(one.pid)) is not None]
        try:
            for how in (signal.SIGSTOP, signal.SIGKILL):
                for _one, handle in handles:
                    _send(handle, how)
            ended.killed += [one for one, _ in handles]
            _wait(handles)
        finally:
            for _one, handle in handles:
                os.close(handle)
    ended.left = [one.pid for one in find()]
    return ended


def _open(pid: int) -> int | None:
    """A handle that keeps meaning this process, also when its number is given to another."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _send(handle: int, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, how)


def _wait(handles: list[tuple[Process, int]]) -> None:
    """Until all have ended, or the time is over; a handle becomes readable when its process ends."""
    poll = select.poll()
    for _one, handle in handles:
        poll.register(handle, select.POLLIN)
    left, until = len(handles), time.monotonic() + ENDED_WITHIN_S
    while left and (remaining := until - time.monotonic()) > 0:
        for handle, _event in poll.poll(remaining * 1000):
            poll.unregister(handle)
            left -= 1
