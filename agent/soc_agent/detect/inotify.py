"""The kernel's notes about files: `inotify` by its three calls, for the standard library has no words for it."""

import ctypes
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

MODIFY, CLOSE_WRITE, MOVED_FROM, MOVED_TO = 0x2, 0x8, 0x40, 0x80
CREATE, DELETE, DELETE_SELF, OVERFLOW, IGNORED = 0x100, 0x200, 0x400, 0x4000, 0x8000
ONLY_FOLDERS, IS_FOLDER = 0x01000000, 0x40000000
WANTED = CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF
_NONBLOCK, _CLOEXEC = 0o4000, 0o2000000
_HEAD = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Note(NamedTuple):
    watch: int
    mask: int
    cookie: int
    name: str


class Inotify:
    """Not blocking; `fileno` goes into a selector."""

    def __init__(self) -> None:
        self._handle = _checked(_libc.inotify_init1(_NONBLOCK | _CLOEXEC))

    def fileno(self) -> int:
        return self._handle

    def watch(self, folder: str) -> int:
        """The number of the watch; raises `OSError`, with ENOSPC when the host allows no more."""
        return _checked(_libc.inotify_add_watch(self._handle, os.fsencode(folder), WANTED | ONLY_FOLDERS))

    def read(self) -> Iterator[Note]:
        """What happened since the last time."""
        while True:
            try:
                content = os.read(self._handle, 262_144)
            except BlockingIOError:
                return
            place = 0
            while place < len(content):
                watch, mask, cookie, length = _HEAD.unpack_from(content, place)
                place += _HEAD.size
                name = content[place : place + length].rstrip(b"\0")
                place += length
                yield Note(watch, mask, cookie, os.fsdecode(name))

    def close(self) -> None:
        os.close(self._handle)


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
