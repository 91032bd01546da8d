"""`device.antivirus_scan`: a quick, a full or a chosen look for malware, slow enough not to be felt.

What it uses, its own thread and ClamAV's daemon together, stays below a share of one core. A result always says which
engines looked, with how many signatures of which age; when none could, nothing was scanned, and that is said.
"""

import ctypes
import os
import platform
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from soc_agent.carry_out import Work
from soc_agent.guard.mounts import REAL
from soc_agent.host import Host
from soc_agent.journal import State
from soc_agent.keep_guard import known_bad
from soc_agent.live.stoppable import in_thread
from soc_agent.orders import Command, Refused
from soc_agent.processes import digest_of, processes
from soc_agent.quarantine import checked_path
from soc_agent.scan_engines import Clamd, Engine, EngineFailed, engines, others
from soc_agent.start_places import homes, start_places

CPU_SHARE, NICE = 0.5, 15
LARGEST, MOST_FILES, MOST_FOUND, MOST_UNREAD = 512 * 1024**2, 3_000_000, 1_000, 20
TELL_EVERY_S, FAILURES = 2.0, 3
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs"})
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
HEALTH_FOR_S, MISSING_FOR_S = 300.0, 5.0
_one_at_a_time = threading.Lock()
_health: dict[Path, tuple[float, str]] = {}


def works(host: Host) -> Mapping[str, Work]:
    async def scan(order: Command) -> tuple[State, dict[str, Any]]:
        run = Run(host, order)
        # A thread of its own: its low priority is not to stay with what comes after.
        pool = ThreadPoolExecutor(1)
        try:
            return await in_thread(lambda _stop: run.scan(), tell=run.over.set, pool=pool)
        finally:
            run.over.set()
            pool.shutdown(wait=False)

    return {"device.antivirus_scan": scan}


def health(host: Host) -> str:
    """Empty when at least one engine could look; asked anew every few minutes, soon where none could."""
    at, known = _health.get(host.folders.root, (-HEALTH_FOR_S, ""))
    if time.monotonic() - at > (MISSING_FOR_S if known else HEALTH_FOR_S):
        found = engines(host.folders, known_bad(host))
        known = "" if any(not one.about.missing for one in found) else " ".join(one.about.missing for one in found)
        _health[host.folders.root] = (time.monotonic(), known)
    return known


@dataclass(slots=True)
class Tally:
    """What was met so far."""

    examined: int = 0
    bytes: int = 0
    skipped: int = 0
    unread_count: int = 0
    unread: list[dict[str, str]] = field(default_factory=list)
    found: list[dict[str, str]] = field(default_factory=list)


class Run:
    """One scan. `over` asks it to stop, and it does after the file at hand."""

    def __init__(self, host: Host, order: Command, share: float = CPU_SHARE) -> None:
        self._host, self._order, self.over = host, order, threading.Event()
        self._kind, self._paths = read_arguments(order.arguments)
        self._tally, self._failures = Tally(), dict.fromkeys(("clamav", "yara", "indicators"), 0)
        self._engines: list[Engine] = []
        self._share, self._seen = share, set[tuple[int, int]]()
        self._spared = (str(host.folders.vault), str(host.folders.settings.parent))

    def scan(self) -> tuple[State, dict[str, Any]]:
        if not _one_at_a_time.acquire(blocking=False):
            raise Refused("already_running", "Another scan runs on this device.")
        try:
            yield_to_others()
            every = engines(self._host.folders, known_bad(self._host))
            self._engines = [one for one in every if not one.about.missing]
            if not self._engines:
                reasons = " ".join(one.about.missing for one in every)
                return State.FAILED, {"code": "no_engine", "detail": f"Nothing was scanned. {reasons}", "examined": 0,
                                      "found": [], "engines": [_told(one) for one in every]}  # fmt: skip
            began, pace = time.monotonic(), Pace(self._share, self._engines)
            self._go(pace)
            return self._outcome(every, time.monotonic() - began, pace)
        finally:
            _one_at_a_time.release()

    def _go(self, pace: "Pace") -> None:
        told = time.monotonic()
        for path in self._places():
            if self.over.is_set() or self._tally.examined >= MOST_FILES:
                return
            self._look_at(path)
            pace.keep(self.over)
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                self._say(f"{self._tally.examined} files, {len(self._tally.found)} found; at {path}")

    def _places(self) -> Iterator[str]:
        if self._kind == "custom":
            for path in self._paths:
                yield from walk(path, self._spared)
            return
        yield from quick_places()
        if self._kind == "full":
            yield from walk("/", self._spared, lambda kind: kind in REAL and kind not in _NETWORK)

    def _look_at(self, path: str) -> None:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            self._unread(path, error.strerror or str(error))
            return
        try:
            seen = os.fstat(handle)
            if not stat.S_ISREG(seen.st_mode) or (seen.st_dev, seen.st_ino) in self._seen:
                return
            self._seen.add((seen.st_dev, seen.st_ino))
            if seen.st_size > LARGEST:
                self._tally.skipped += 1
                return
            where = str(Path(f"/proc/self/fd/{handle}").readlink()) if path.startswith("/proc/") else path
            self._ask_all(handle, where)
            self._tally.examined += 1
            self._tally.bytes += seen.st_size
        except OSError as error:
            self._unread(path, error.strerror or str(error))
        finally:
            os.close(handle)

    def _ask_all(self, handle: int, path: str) -> None:
        for engine in list(self._engines):
            name = engine.about.name
            os.lseek(handle, 0, os.SEEK_SET)
            try:
                names = engine.scan(handle, path)
                self._failures[name] = 0
            except EngineFailed as error:
                self._failures[name] += 1
                self._unread(path, str(error))
                if self._failures[name] >= FAILURES:
                    self._engines.remove(engine)
                    self._say(f"{name} failed {FAILURES} times and is not asked any more: {error}")
                continue
            for one in names:
                if len(self._tally.found) < MOST_FOUND:
                    self._tally.found.append({"path": path, "sha256": digest_of(handle), "name": one, "engine": name})
                    self._say(f"found {one} ({name}): {path}")

    def _unread(self, path: str, reason: str) -> None:
        self._tally.unread_count += 1
        if len(self._tally.unread) < MOST_UNREAD:
            self._tally.unread.append({"path": path, "detail": reason[:200]})

    def _say(self, line: str) -> None:
        self._host.news.say(self._order.id, line)

    def _outcome(self, every: list[Engine], seconds: float, pace: "Pace") -> tuple[State, dict[str, Any]]:
        tally = self._tally
        asked = [one for one in every if not one.about.missing]
        lost = [one.about.name for one in asked if one not in self._engines]
        known = ", ".join(f"{one.about.name} with {_amount(one.about.signatures)}" for one in asked)
        result = {
            **asdict(tally), "scan_type": self._kind, "engines": [_told(one) for one in every],
            "signatures": {one.about.name: one.about.signatures for one in asked}, "seconds": round(seconds, 1),
            "cpu_share": round(pace.used, 2), "beside": others(), "lost": lost,
            "detail": f"{tally.examined} files were looked at by {known}; {len(tally.found)} found.",
        }  # fmt: skip
        if not self._engines:
            return State.FAILED, {
                **result,
                "code": "engines_lost",
                "detail": f"Every engine failed: {', '.join(lost)}.",
            }
        if not tally.examined:
            return State.FAILED, {**result, "code": "nothing_scanned", "detail": "No file could be looked at."}
        return (State.PARTIALLY_SUCCEEDED if lost or tally.unread_count else State.SUCCEEDED), result


class Pace:
    """Holds this thread and ClamAV's daemon together below a share of one core, by pauses."""

    def __init__(self, share: float, asked: list[Engine]) -> None:
        self._share, self._began = share, time.monotonic()
        self._own = time.thread_time()
        clamd = next((one for one in asked if isinstance(one, Clamd)), None)
        self._daemon: psutil.Process | None = None
        self._its = 0.0
        if clamd is not None:
            with suppress(psutil.Error):
                self._daemon = psutil.Process(clamd.pid)
                self._its = self._of_daemon()

    @property
    def used(self) -> float:
        """The share so far."""
        return self._cpu() / max(0.001, time.monotonic() - self._began)

    def keep(self, over: threading.Event) -> None:
        ahead = self._cpu() / self._share - (time.monotonic() - self._began)
        if ahead > 0.01:
            over.wait(min(ahead, 5.0))

    def _cpu(self) -> float:
        return time.thread_time() - self._own + self._of_daemon() - self._its

    def _of_daemon(self) -> float:
        if self._daemon is None:
            return 0.0
        try:
            times = self._daemon.cpu_times()
        except psutil.Error:
            self._daemon, self._its = None, 0.0
            return 0.0
        return float(times.user + times.system)


def read_arguments(arguments: Mapping[str, Any]) -> tuple[str, list[str]]:
    kind, paths = arguments.get("scan_type", "quick"), arguments.get("paths", [])
    if kind not in ("quick", "full", "custom") or not isinstance(paths, list) or len(paths) > 50:
        raise Refused("bad_arguments", "A scan is quick, full or custom, with at most 50 paths.")
    if (kind == "custom") is not bool(paths):
        raise Refused("bad_arguments", "A custom scan has paths, and no other has.")
    return kind, [checked_path(one) for one in paths]


def quick_places() -> Iterator[str]:
    """What runs, what starts by itself, and where things are dropped."""
    for pid in processes():
        yield f"/proc/{pid}/exe"
    for place in start_places():
        yield str(place.path)
    for folder in (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), *homes(Path("/"))):  # noqa: S108 - looked into
        with suppress(OSError):
            yield from (one.path for one in os.scandir(folder) if one.is_file(follow_symlinks=False))


def walk(root: str, spared: tuple[str, ...], kinds: Callable[[str], bool] = bool) -> Iterator[str]:
    """Files below a path in a steady order, without following links, not into file systems of other kinds."""
    if not Path(root).is_dir():
        yield root
        return
    barred = {one.mountpoint for one in psutil.disk_partitions(all=True) if not kinds(one.fstype)}
    barred |= {"/proc", "/sys", "/dev", *spared}
    for folder, below, files in os.walk(root):
        below[:] = sorted(one for one in below if str(Path(folder, one)) not in barred)
        yield from (str(Path(folder, one)) for one in sorted(files) if not Path(folder, one).is_symlink())


def yield_to_others() -> None:
    """This thread comes last, for the processor and for the disk."""
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, NICE)
    if number := _IOPRIO_SET.get(platform.machine()):
        ctypes.CDLL(None).syscall(number, 1, thread, 3 << 13)


def _told(engine: Engine) -> dict[str, Any]:
    about = engine.about
    return {"name": about.name, "signatures": about.signatures, "version": about.version, "age_s": about.age_s,
            "missing": about.missing}  # fmt: skip


def _amount(signatures: int | None) -> str:
    return "an unknown number of signatures" if signatures is None else f"{signatures} signatures"
