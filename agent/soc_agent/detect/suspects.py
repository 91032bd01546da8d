"""Who wrote a file: as the kernel says where it does, else found out from what processes hold open and have written.

What is found out is likely, not certain, and alerts say so.
"""

import os
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from soc_agent.detect.running import Processes, Running
from soc_agent.detect.writers import Writers

WINDOW_S = 20.0
_BETWEEN_S = 0.1
MAX_PATHS = 60
# How much more than the files hold a process may have written and still be the one.
_AT_LEAST = 0.5


class Suspects:
    """Counts for each area who had files of it open, and how much everybody wrote since the first was rewritten."""

    def __init__(self, processes: Processes, writers: Writers | None = None) -> None:
        self._processes, self._writers = processes, writers
        self._since: dict[str, float] = {}
        self._before: dict[str, dict[int, int]] = {}
        self._open: dict[str, dict[int, int]] = {}
        self._bytes: dict[str, int] = {}
        self._paths: dict[str, deque[str]] = {}
        self._looked = 0.0

    def note(self, area: str, size: int, path: str) -> None:
        """A file of the area was rewritten just now."""
        now = time.monotonic()
        if now - self._since.get(area, -WINDOW_S) > WINDOW_S:
            self._before[area], self._open[area], self._bytes[area] = self._written(), {}, 0
            self._paths[area] = deque(maxlen=MAX_PATHS)
        self._paths[area].append(path)
        self._since[area] = now
        self._bytes[area] += size

    def look(self) -> None:
        """While an area is suspicious: who holds files of it open now."""
        now = time.monotonic()
        areas = [area for area, at in self._since.items() if now - at < 2.0]
        if self._writers is not None or not areas or now - self._looked < _BETWEEN_S:
            return
        self._looked = now
        for pid in self._others():
            for target in open_files(pid):
                for area in areas:
                    if target.startswith(f"{area}/"):
                        self._open[area][pid] = self._open[area].get(pid, 0) + 1

    def who(self, area: str) -> Running | None:
        """Whoever had files open there, else whoever wrote about as much as was rewritten."""
        if self._writers is not None:
            return self._processes.by_pid(self._writers.of_most(self._paths.get(area, ())))
        held = self._open.get(area, {})
        if held and (most := max(held, key=lambda pid: held[pid])) in self._processes.known:
            return self._processes.known[most]
        before, needed = self._before.get(area, {}), self._bytes.get(area, 0)
        grown = {pid: count - before.get(pid, 0) for pid, count in self._written().items()}
        able = {pid: abs(count - needed) for pid, count in grown.items() if count >= needed * _AT_LEAST and needed}
        if not able:
            return None
        return self._processes.known.get(min(able, key=lambda pid: able[pid]))

    def who_wrote(self, path: str) -> Running | None:
        """A single file: who holds it open, else the youngest that was there when it was written and wrote enough."""
        if self._writers is not None:
            return self._processes.by_pid(self._writers.of(path))
        try:
            seen = Path(path).lstat()
        except OSError:
            return None
        written = self._written()
        for pid in self._others():
            if path in open_files(pid):
                return self._processes.known.get(pid)
        able = [
            one for one in self._processes.known.values()
            if one.started <= seen.st_mtime + 0.1 and seen.st_mtime - one.started < WINDOW_S
            and written.get(one.pid, 0) >= max(seen.st_size, 1)
        ]  # fmt: skip
        return max(able, key=lambda one: one.started, default=None)

    def _others(self) -> Iterable[int]:
        own = os.getpid()
        return [pid for pid in self._processes.known if pid != own]

    def _written(self) -> dict[int, int]:
        return {pid: count for pid in self._others() if (count := written_by(pid)) >= 0}


def open_files(pid: int) -> list[str]:
    found = []
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - of every process, ten times a second
            try:
                found.append(os.readlink(f"/proc/{pid}/fd/{name}"))  # noqa: PTH115 - as above
            except OSError:
                continue
    except OSError:
        return []
    return found


def written_by(pid: int) -> int:
    """Bytes that a process wrote so far, -1 when it may not be asked."""
    try:
        with open(f"/proc/{pid}/io", "rb") as file:  # noqa: PTH123 - as above
            return next((int(line[6:]) for line in file if line.startswith(b"wchar:")), -1)
    except (OSError, ValueError):
        return -1
