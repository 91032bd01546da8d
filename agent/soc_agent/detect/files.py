"""Files that appear, are rewritten, renamed and removed in the watched places, told as events for the rules."""

import errno
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from soc_agent.detect import content, inotify
from soc_agent.detect.places import SKIPPED, Places

MAX_WATCHES, MAX_NAMES, MAX_EXAMINED, MAX_COMPARED = 4000, 50_000, 200, 300
HOMES_EVERY_S = 60.0
# A file that was made so long ago is no part of the same deed any more.
RECENT_S = 20.0
NOISE = 7.2


@dataclass(slots=True)
class _Folder:
    path: str
    depth: int


class Files:
    """Who wrote is not in the kernel's notes; the detector finds that out when a rule fires."""

    def __init__(self, places: Places, watched: Callable[[str], None] = lambda _folder: None) -> None:
        self.places, self._told_watched = places, watched
        self._notes = inotify.Inotify()
        self._folders: dict[int, _Folder] = {}
        self._watched: dict[str, int] = {}
        self._names: OrderedDict[str, None] = OrderedDict()
        self._made: OrderedDict[str, tuple[float, content.Content]] = OrderedDict()
        self._leaving: dict[int, str] = {}
        self.lost = self.refused = 0
        self.watch_all()

    def fileno(self) -> int:
        return self._notes.fileno()

    def close(self) -> None:
        self._notes.close()

    @property
    def count(self) -> int:
        return len(self._folders)

    def watch_all(self) -> None:
        """Also later, for homes and folders that have come since."""
        for folder, depth in self.places.watched():
            self._watch(folder, depth)

    def _watch(self, folder: str, depth: int) -> list[str]:
        """Files that are there already."""
        known = self._watched.get(folder)
        if known is not None and self._folders[known].depth >= depth:
            return []
        if known is None and len(self._folders) >= MAX_WATCHES:
            self.refused += 1
            return []
        try:
            number = self._notes.watch(folder)
            with os.scandir(folder) as entries:
                found = [(one.path, one.is_dir(follow_symlinks=False), one.name) for one in entries]
        except OSError as error:
            self.refused += error.errno == errno.ENOSPC
            return []
        self._folders[number], self._watched[folder] = _Folder(folder, depth), number
        self._told_watched(folder)
        plain = [path for path, is_folder, _ in found if not is_folder]
        for path in plain:
            self._know(path)
        for path, is_folder, name in found:
            if is_folder and depth > 0 and name not in SKIPPED:
                plain += self._watch(path, depth - 1)
        return plain

    def _know(self, path: str) -> None:
        self._names[path] = None
        if len(self._names) > MAX_NAMES:
            self._names.popitem(last=False)

    def events(self) -> Iterator[dict[str, Any]]:
        """What happened since the last time; each file is looked at once however often it was noted."""
        written: dict[str, bool] = {}
        removed: list[str] = []
        for note in self._notes.read():
            if note.mask & inotify.OVERFLOW:
                self.lost += 1
                continue
            if note.mask & (inotify.IGNORED | inotify.DELETE_SELF):
                self._forget(note)
                continue
            folder = self._folders.get(note.watch)
            if folder is None or not note.name:
                continue
            path = f"{folder.path.rstrip('/')}/{note.name}"
            if note.mask & inotify.IS_FOLDER:
                for inner in self._entered(note, folder, path):
                    written.setdefault(inner, False)
                continue
            yield from self._file(note, path, written, removed)
        for number, (path, existed) in enumerate(written.items()):
            yield from self._written(path, existed=existed, look=number < MAX_EXAMINED)
        for path in removed:
            yield from self._deleted(path)

    def _forget(self, note: inotify.Note) -> None:
        gone = self._folders.pop(note.watch, None) if note.mask & inotify.IGNORED else None
        if gone is not None and self._watched.get(gone.path) == note.watch:
            del self._watched[gone.path]

    def _entered(self, note: inotify.Note, folder: _Folder, path: str) -> list[str]:
        """A new folder may be full before it is watched."""
        if note.mask & (inotify.CREATE | inotify.MOVED_TO) and folder.depth > 0 and note.name not in SKIPPED:
            return self._watch(path, folder.depth - 1)
        return []

    def _file(self, note: inotify.Note, path: str, written: dict[str, bool],
              removed: list[str]) -> Iterator[dict[str, Any]]:  # fmt: skip
        if note.mask & inotify.MOVED_FROM:
            self._leaving = {note.cookie: path}
        elif note.mask & inotify.MOVED_TO:
            before = self._leaving.pop(note.cookie, "")
            replaced = path in self._names
            self._names.pop(before, None)
            existed = written.pop(before, False)
            if before and path.startswith(before):
                yield from self._renamed(before, path)
            written[path] = written.get(path, False) or replaced or existed
            self._know(path)
        elif note.mask & inotify.DELETE:
            known = self._names.pop(path, path) is None
            written.pop(path, None)
            if known:
                removed.append(path)
        elif note.mask & inotify.CLOSE_WRITE:
            written[path] = written.get(path, path in self._names and not self._is_in_the_making(path))
            self._know(path)

    def _is_in_the_making(self, path: str) -> bool:
        """It appeared just now, and read like noise from the first: whoever makes it goes on writing."""
        at, seen = self._made.get(path, (0.0, None))
        return seen is not None and seen.entropy >= NOISE and time.monotonic() - at < RECENT_S

    def _renamed(self, before: str, path: str) -> Iterator[dict[str, Any]]:
        seen = content.look(path)
        if seen is not None:
            yield self._told("renamed", path, seen, added_ending=path[len(before) :], was=before)

    def _deleted(self, path: str) -> Iterator[dict[str, Any]]:
        """A file whose name a fresh one begins with: it was replaced by that one."""
        now = time.monotonic()
        for made, (at, seen) in islice(reversed(self._made.items()), MAX_COMPARED):
            if now - at > RECENT_S:
                break
            if made.startswith(path) and made != path:
                yield self._told("rewritten", path, seen, by=made)
                return

    def _written(self, path: str, *, existed: bool, look: bool) -> Iterator[dict[str, Any]]:
        kind = self.places.kind(path)
        seen = content.look(path) if look or kind else None
        if kind and (seen is not None or Path(path).is_symlink()):
            yield self._persistence(kind, path, seen)
        if seen is None:
            return
        if not existed:
            now = time.monotonic()
            self._made[path] = (now, seen)
            while self._made and now - next(iter(self._made.values()))[0] > RECENT_S:
                self._made.popitem(last=False)
        yield self._told("rewritten" if existed else "created", path, seen)

    def _persistence(self, kind: str, path: str, seen: content.Content | None) -> dict[str, Any]:
        return {"kind": "persistence", "action": "written", "file": {
            "path": path, "place": kind, "size": seen.size if seen else 0, "folder": str(Path(path).parent),
        }}  # fmt: skip

    def _told(self, action: str, path: str, seen: content.Content, **more: str) -> dict[str, Any]:
        return {"kind": "file", "action": action, "file": {
            "path": path, "area": self.places.area(path), "size": seen.size, "entropy": round(seen.entropy, 2),
            "packed": seen.packed, "executable": seen.executable, **more,
        }}  # fmt: skip
