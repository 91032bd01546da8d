"""The helper's side of the guard: it writes down what is to be guarded, starts the guard again when it ends, reads what
the guard met, and takes away what is to be taken away."""

import fcntl
import hashlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from soc_agent.guard.policy import Places, started
from soc_agent.hits import HitBook
from soc_agent.host import Host
from soc_agent.processes import processes
from soc_agent.remembered import BY_INDICATOR

logger = logging.getLogger(__name__)
TICK_S, FRESH_S, RETRY_S, QUICK_END_S = 0.2, 5.0, 30.0, 3.0
LISTENERS_FOR_S = 60.0
# After so many quick ends in a row it waits before the next start.
QUICK_ENDS = 5
# Of so many files it remembers why they were not taken.
MOST_REFUSED = 1_000
_by_root: dict[Path, "Guarding"] = {}
Take = Callable[[str, str, str], dict[str, Any]]


def guarding(host: Host) -> "Guarding":
    """One for each helper."""
    root = host.folders.root
    if root not in _by_root:
        _by_root[root] = Guarding(host)
    return _by_root[root]


class Guarding:
    """What is guarded has two parts, by indicators and by the restriction of programs; either may be empty."""

    def __init__(self, host: Host) -> None:
        self._host, self.places = host, Places.of(host.folders)
        self.hits = HitBook(host.folders.state / "hits.sqlite")
        self.take: Take | None = None
        self.on_restriction: Callable[[Mapping[str, Any]], None] | None = None
        self._digest = ""
        self._listened, self._listeners = -LISTENERS_FOR_S, list[str]()
        self._parts: dict[str, Any] = {"files": {}, "execution": {}}
        self._process: subprocess.Popen[bytes] | None = None
        self._began, self._quick, self._pause_until = 0.0, 0, 0.0
        self.starts, self.lost_since, self.lost_why = 0, 0.0, ""
        self._turn, self._over = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._tried: dict[tuple[str, str], float] = {}
        self._refused: dict[tuple[str, str], set[str]] = {}

    @property
    def needed(self) -> bool:
        return any(self._parts.values())

    def want(self, part: str, value: Mapping[str, Any]) -> None:
        """Change one part; the guard sees it within half a second."""
        with self._turn:
            self._parts[part] = dict(value)
            if self.needed or self.places.policy.exists():
                self._write()
            if self.needed and self._thread is None:
                self._thread = threading.Thread(target=self._keep, daemon=True)
                self._thread.start()

    def wanted_files(self) -> Mapping[str, Any]:
        """The rules for files, as the guard is given them."""
        return dict(self._parts["files"])

    def _write(self) -> None:
        self.places.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        value = {**self._parts, "spared": [os.getpid(), started(os.getpid())]}
        content = json.dumps(value, sort_keys=True).encode()
        self._digest = hashlib.sha256(content).hexdigest()
        try:
            if self.places.policy.read_bytes() == content:
                return
        except OSError:
            pass
        self._host.folders.write(self.places.policy, content)

    def status(self) -> dict[str, Any]:
        """What the guard last told, empty when that is old or of another policy."""
        try:
            value = dict(json.loads(self.places.status.read_text()))
        except (OSError, ValueError):
            return {}
        return value if time.time() - value.get("at", 0) < FRESH_S else {}

    def why_not(self) -> str:
        """Empty when everything that is wanted is guarded."""
        if not self.needed:
            return ""
        status = self.status()
        lost = f"Enforcement lost {round(time.time() - self.lost_since)} s ago: {self.lost_why}"
        failed = "; ".join(f"{path}: {reason}" for path, reason in sorted(status.get("failed", {}).items())[:5])
        reasons = (
            (bool(status.get("unavailable")), str(status.get("unavailable"))),
            (bool(self.lost_since), lost),
            (not status.get("pid"), "The guard is starting."),
            (bool(failed), failed),
            (status.get("policy") != self._digest, "The guard has not yet read what is wanted."),
            (not status.get("marks"), "There is no file system of this host's own to guard."),
        )
        return next((reason for holds, reason in reasons if holds), "")

    def evidence(self) -> dict[str, Any]:
        status = self.status()
        if time.monotonic() - self._listened > LISTENERS_FOR_S:
            self._listened, self._listeners = time.monotonic(), other_listeners(status.get("pid", 0))
        return {
            "guard": status.get("pid", 0), "starts": self.starts, "watched": status.get("marks", []),
            "counts": status.get("counts", {}), "denied": status.get("denied", []), "listeners": self._listeners,
        }  # fmt: skip

    def stop(self) -> None:
        """The guard ends and nothing is guarded any more."""
        self._over.set()
        self.places.policy.unlink(missing_ok=True)
        if self._thread is not None:
            self._thread.join(10)
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        self.hits.close()
        _by_root.pop(self._host.folders.root, None)

    def _keep(self) -> None:
        while not self._over.wait(TICK_S):
            try:
                self._look_after()
                for event in self._events():
                    self._met(event)
            except Exception:
                logger.exception("the guard could not be looked after")

    def _look_after(self) -> None:
        """Start it when none is at work; say so when it ended by itself."""
        if self._process is not None and self._process.poll() is None:
            if self.lost_since and self.status().get("pid") == self._process.pid:
                self.lost_since, self.lost_why = 0.0, ""
                self._host.news.tell()
            return
        if self._process is not None:
            self._ended(self._process)
        if self.needed and time.monotonic() >= self._pause_until and not self._another():
            self._start()

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        if not self.needed:
            return
        quick = time.monotonic() - self._began < QUICK_END_S
        self._quick = self._quick + 1 if quick else 0
        if self._quick >= QUICK_ENDS or self.status().get("unavailable"):
            self._pause_until = time.monotonic() + RETRY_S
        if not self.lost_since:
            code = process.returncode
            how = f"by signal {-code}" if code < 0 else f"with code {code}"
            self.lost_since, self.lost_why = time.time(), f"the guard ended {how}; it is started again."
            logger.error("enforcement lost: %s", self.lost_why)
            self._host.news.tell()

    def _start(self) -> None:
        package = str(Path(__file__).parents[1])
        words = [sys.executable, "-m", "soc_agent.guard", "--folder", str(self._host.folders.root)]
        self._began = time.monotonic()
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": package})
        self.starts += 1

    def _another(self) -> bool:
        """Whether a guard works here that this helper did not start: its own unit, or one from before a crash."""
        try:
            handle = os.open(self.places.lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _events(self) -> list[dict[str, Any]]:
        """What it wrote since, taken away."""
        try:
            with self.places.events.open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                lines = file.read().splitlines()
                file.truncate(0)
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def _met(self, event: Mapping[str, Any]) -> None:
        if event.get("what") == "restriction":
            if self.on_restriction is not None:
                self.on_restriction(event)
            return
        about = {name: event.get(name) for name in ("path", "sha256", "size", "process", "title")}
        self.hits.add(str(event["indicator"]), str(event["did"]), at=float(event["at"]), **about)
        if event.get("remediate"):
            self._remediate(str(event["path"]), str(event["sha256"]), str(event["indicator"]))

    def _remediate(self, path: str, sha256: str, indicator: str) -> None:
        now = time.monotonic()
        if self.take is None or now - self._tried.get((path, sha256), -RETRY_S) < RETRY_S:
            return
        self._tried = {name: at for name, at in self._tried.items() if now - at < RETRY_S} | {(path, sha256): now}
        result = self.take(path, sha256, f"{BY_INDICATOR}{indicator}")
        if result.get("taken"):
            self._tried.pop((path, sha256), None)
        if not self._is_news(path, sha256, result):
            return
        logger.warning("%s: %s", path, "taken away" if result.get("taken") else result.get("refused"))
        for one in result.get("persistence", ()):
            logger.warning("%s: what started it is removed, %s in %s", path, one["kind"], one["path"])
        self._host.news.tell()

    def _is_news(self, path: str, sha256: str, result: Mapping[str, Any]) -> bool:
        """What cannot be taken, or is gone by then, is met again and again: each reason is told once, until something
        of it could be taken or ended after all."""
        if result.get("taken") or result.get("stopped") or result.get("persistence"):
            self._refused.pop((path, sha256), None)
            return True
        known = self._refused.setdefault((path, sha256), set())
        reasons = {str(one.get("code")) for one in result.get("refused", ())}
        if reasons <= known:
            return False
        known |= reasons
        while len(self._refused) > MOST_REFUSED:
            del self._refused[next(iter(self._refused))]
        return True


def other_listeners(own: int) -> list[str]:
    """Programs that the kernel asks or tells of files beside our guard: a file opens only when all of them agree."""
    found = set()
    for pid in processes():
        if pid == own:
            continue
        with suppress(OSError):
            if any(str(one.readlink()) == "anon_inode:[fanotify]" for one in Path(f"/proc/{pid}/fd").iterdir()):
                found.add(Path(f"/proc/{pid}/comm").read_text().strip())
    return sorted(found)
