"""The loop that answers the kernel, and the threads that do what takes longer.

Answers come from the first thread and it never opens a file of a guarded disk. Large files are hashed, signatures read
and everything written by other threads; what they take too long for is allowed and counted. A loop that stands still
for ten seconds ends the process, and the kernel lets through what waited.
"""

import argparse
import ctypes
import fcntl
import hashlib
import json
import os
import resource
import select
import signal
import stat
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from soc_agent.folders import Folders
from soc_agent.guard import fanotify
from soc_agent.guard.fanotify import ALLOW, DENY, Event, Group, Unavailable
from soc_agent.guard.mounts import watched
from soc_agent.guard.policy import MAKERS, Places, Policy, read_policy, warm_up

AT_ONCE, LARGEST = 1024 * 1024, 512 * 1024**2
STANDSTILL_S, ANSWER_WITHIN_S, LOOK_EVERY_S, TELL_EVERY_S = 10, 6.0, 0.3, 1.0
MOST_KNOWN, MOST_EVENTS, MOST_NAMED = 50_000, 8 * 1024**2, 50
Key = tuple[int, int, int, int, int]
Digests = dict[str, str]


class Guard:
    """`group` asks, `policy` decides, `events` wait to be written."""

    def __init__(self, folders: Folders) -> None:
        self._folders, self._places = folders, Places.of(folders)
        self._group = Group()
        self._policy = Policy()
        self._known: dict[Key, Digests] = {}
        self._vouched: set[str] = set()
        self._waiting: dict[int, float] = {}
        self._turn = threading.Lock()
        self._pool = ThreadPoolExecutor(4)
        self._marks: dict[str, int] = {}
        self._failed: dict[str, str] = {}
        self._events: deque[dict[str, Any]] = deque(maxlen=20_000)
        self.counts: Counter[str] = Counter()
        self._denied: Counter[str] = Counter()
        self._own = os.getpid()
        self.over = threading.Event()

    def answer_for_ever(self) -> None:
        poll = select.poll()
        poll.register(self._group.handle, select.POLLIN)
        while not self.over.is_set():
            signal.alarm(STANDSTILL_S)
            for _handle, _event in poll.poll(200):
                for event in self._group.read():
                    self._take(event)
            self._let_go()
        signal.alarm(0)

    def close(self) -> None:
        """The kernel lets through what still waits."""
        self._group.close()

    def _take(self, event: Event) -> None:
        if event.handle < 0:
            self.counts["overflow"] += 1
            return
        asked = bool(event.mask & (fanotify.OPEN_PERM | fanotify.EXEC_PERM))
        policy = self._policy
        try:
            seen = os.fstat(event.handle)
            spared = event.pid == self._own or policy.is_spared(event.pid) or not stat.S_ISREG(seen.st_mode)
        except OSError:
            spared = True
        if spared:
            self._close(event, ALLOW if asked else 0)
            return
        self.counts["asked" if asked else "written"] += 1
        key = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
        digests = self._known.get(key)
        if seen.st_size > LARGEST:
            self.counts["too_large"] += 1
            self._close(event, ALLOW if asked else 0)
        elif asked and (digests is not None or seen.st_size <= AT_ONCE):
            self._decide(event, key, policy, first=True)
        else:
            with self._turn:
                self._waiting[event.handle] = time.monotonic() if asked else float("inf")
            self._pool.submit(self._later, event, key, policy)

    def _later(self, event: Event, key: Key, policy: Policy) -> None:
        try:
            if event.mask & (fanotify.OPEN_PERM | fanotify.EXEC_PERM):
                self._decide(event, key, policy, first=False)
            else:
                self._after_writing(event, key, policy)
        except OSError:
            self._close(event, ALLOW)

    def _decide(self, event: Event, key: Key, policy: Policy, *, first: bool) -> None:
        """Yes or no. What needs the reading of a signature goes to another thread."""
        try:
            digests = self._digests(event.handle, key, policy)
        except OSError:
            self._close(event, ALLOW)
            return
        word, found = ALLOW, None
        if event.mask & fanotify.OPEN_PERM and (rule := policy.rule_for(digests)) is not None:
            stops = rule.action in ("block", "block_and_remediate")
            word = DENY if stops else ALLOW
            if rule.action != "allow":
                did = "blocked" if stops else "warned" if rule.action == "warn" else "audited"
                found = {"what": "rule", "indicator": rule.key, "title": rule.title, "did": did,
                         "remediate": rule.action == "block_and_remediate"}  # fmt: skip
        elif event.mask & fanotify.EXEC_PERM and policy.restricts():
            path, sha256 = _path(event.handle), digests["file_sha256"]
            if not policy.knows(sha256, path):
                if first and sha256 not in self._vouched:
                    with self._turn:
                        self._waiting[event.handle] = time.monotonic()
                    self._pool.submit(self._later, event, key, policy)
                    return
                if not self._is_vouched_for(event, policy, path, sha256):
                    enforced = policy.mode == "enforce"
                    word = DENY if enforced else ALLOW
                    found = {"what": "restriction", "did": "denied" if enforced else "would_deny"}
        self._tell(event, digests, key, found)
        self._close(event, word)

    def _is_vouched_for(self, event: Event, policy: Policy, path: str, sha256: str) -> bool:
        """By the admin's signature, or by a package that was installed meanwhile. Only a yes is kept."""
        if sha256 in self._vouched:
            return True
        if policy.signed(event.handle, path, sha256) or policy.installed_since(event.handle, path):
            self._vouched.add(sha256)
            return True
        return False

    def _after_writing(self, event: Event, key: Key, policy: Policy) -> None:
        """A fresh copy of what is to be removed is told at once."""
        digests = self._digests(event.handle, key, policy)
        rule = policy.rule_for(digests)
        if rule is not None and rule.action == "block_and_remediate":
            self._tell(event, digests, key, {"what": "rule", "indicator": rule.key, "title": rule.title,
                                             "did": "blocked", "remediate": True})  # fmt: skip
        self._close(event, 0)

    def _digests(self, handle: int, key: Key, policy: Policy) -> Digests:
        found = self._known.get(key)
        if found is not None and set(policy.kinds) <= set(found):
            return found
        made = {kind: MAKERS[kind](usedforsecurity=False) for kind in policy.kinds}
        place = 0
        while part := os.pread(handle, AT_ONCE, place):
            for one in made.values():
                one.update(part)
            place += len(part)
        found = {kind: one.hexdigest() for kind, one in made.items()}
        after = os.fstat(handle)
        if key == (after.st_dev, after.st_ino, after.st_size, after.st_mtime_ns, after.st_ctime_ns):
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = found
        return found

    def _tell(self, event: Event, digests: Digests, key: Key, found: dict[str, Any] | None) -> None:
        if found is None:
            return
        path = _path(event.handle)
        self.counts[str(found["did"])] += 1
        if found["what"] == "restriction" and (path in self._denied or len(self._denied) < MOST_NAMED):
            self._denied[path] += 1
        self._events.append({**found, "at": time.time(), "path": path, "sha256": digests["file_sha256"],
                             "size": key[2], "process": _process(event.pid)})  # fmt: skip

    def _close(self, event: Event, word: int) -> None:
        """Answer once, whoever comes first."""
        with self._turn:
            began = self._waiting.pop(event.handle, None)
            if began == 0.0:
                os.close(event.handle)
                return
        if word and event.mask & (fanotify.OPEN_PERM | fanotify.EXEC_PERM):
            self._group.answer(event.handle, word)
        os.close(event.handle)

    def _let_go(self) -> None:
        """What takes too long is let through: nobody waits for a disk that does not answer."""
        now = time.monotonic()
        with self._turn:
            late = [handle for handle, began in self._waiting.items() if 0 < began < now - ANSWER_WITHIN_S]
            for handle in late:
                self._waiting[handle] = 0.0
                self.counts["too_slow"] += 1
                self._group.answer(handle, ALLOW)

    def look_for_ever(self) -> None:
        """The second thread: what is wanted, what is mounted, what is to be told."""
        changed, told, mounted = 0, 0.0, 0.0
        while not self.over.wait(LOOK_EVERY_S):
            try:
                mark = self._places.policy.stat().st_mtime_ns
            except OSError:
                self.over.set()
                return
            if mark != changed:
                changed = mark
                self._read()
                mounted = told = 0.0
                if self._policy.empty:
                    self._write_events()
                    self._places.status.unlink(missing_ok=True)
                    self.over.set()
                    return
            if time.monotonic() - mounted > 5:
                mounted = time.monotonic()
                self._mark()
            self._write_events()
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                self._write_status()

    def _read(self) -> None:
        try:
            policy = read_policy(self._places)
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            self._failed["policy"] = f"{type(error).__name__}: {error}"[:200]
            return
        self._failed.pop("policy", None)
        if policy.kinds != self._policy.kinds:
            self._known.clear()
        self._vouched.clear()
        self._policy = policy

    def _mark(self) -> None:
        mask = fanotify.OPEN_PERM | fanotify.CLOSE_WRITE if self._policy.files else 0
        mask |= fanotify.EXEC_PERM if self._policy.restricts() else 0
        wanted = dict.fromkeys(watched(self._folders), mask) if mask else {}
        self._failed = {"policy": self._failed["policy"]} if "policy" in self._failed else {}
        for path, had in list(self._marks.items()):
            if gone := had & ~wanted.get(path, 0):
                self._group.unmark(path, gone)
                self._marks[path] = had & ~gone
        for path in wanted:
            try:
                self._group.mark(path, mask)
                self._marks[path] = mask
            except Unavailable as error:
                self._failed[path] = str(error)
        self._marks = {path: had for path, had in self._marks.items() if had}

    def _write_events(self) -> None:
        if not self._events:
            return
        with self._places.events.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            while self._events and file.tell() < MOST_EVENTS:
                file.write(json.dumps(self._events.popleft()) + "\n")

    def _write_status(self) -> None:
        value = {
            "pid": self._own, "at": time.time(), "policy": self._policy.digest, "marks": sorted(self._marks),
            "failed": self._failed, "counts": dict(self.counts), "restricts": self._policy.restricts(),
            "denied": self._denied.most_common(20),
        }  # fmt: skip
        draft = self._places.status.with_suffix(".new")
        draft.write_text(json.dumps(value))
        draft.replace(self._places.status)


def _path(handle: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{handle}").readlink())
    except OSError:
        return ""


def _process(pid: int) -> Mapping[str, Any]:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:500]
        return {"pid": pid, "path": str(Path(f"/proc/{pid}/exe").readlink()), "command_line": words.strip()}
    except OSError:
        return {"pid": pid}


def _settle() -> None:
    """Nothing of this process waits for a disk, and it is the last to be ended when memory runs out."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("-900")
    ctypes.CDLL(None).mlockall(1)
    warm_up()
    hashlib.sha256(json.dumps(json.loads("{}")).encode("utf-8", "replace")).hexdigest()


def _alone(lock: int) -> bool:
    """Whether no other guard works in this folder; whoever only looks holds the lock for a moment."""
    for _ in range(20):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(prog="soc-agent-guard", description="Answers the kernel: may this file be run?")
    parser.add_argument("--folder", type=Path, default=Path("/"), help="the root of the agent's own folders")
    folders = Folders(parser.parse_args().folder)
    places = Places.of(folders)
    places.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not _alone(lock):
        sys.exit("soc-agent-guard: another guard is at work here.")
    _settle()
    try:
        guard = Guard(folders)
    except Unavailable as error:
        places.status.write_text(json.dumps({"pid": 0, "at": time.time(), "unavailable": str(error)}))
        sys.exit(f"soc-agent-guard: {error}")
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: guard.over.set())
    threading.Thread(target=guard.look_for_ever, daemon=True).start()
    try:
        guard.answer_for_ever()
    finally:
        guard.close()
