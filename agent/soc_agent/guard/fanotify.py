"""The kernel's file access notification, as far as the guard needs it (fanotify(7)), by ctypes."""

import ctypes
import errno
import os
import struct
from dataclasses import dataclass

CLOSE_WRITE, OVERFLOW, OPEN_PERM, EXEC_PERM = 0x8, 0x4000, 0x10000, 0x40000
ALLOW, DENY = 1, 2
_CLOEXEC, _NONBLOCK, _CONTENT, _UNLIMITED_QUEUE, _UNLIMITED_MARKS = 0x1, 0x2, 0x4, 0x10, 0x20
_ADD, _REMOVE, _FILESYSTEM = 0x1, 0x2, 0x100
_AT_FDCWD = -100
_EVENT, _ANSWER = struct.Struct("=IBBHQii"), struct.Struct("=iI")
_libc = ctypes.CDLL(None, use_errno=True)
_libc.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]


@dataclass(frozen=True, slots=True)
class Event:
    """`handle` is the open file, to be closed; opening it again by this handle asks nobody."""

    mask: int
    handle: int
    pid: int


class Unavailable(Exception):
    """The kernel refuses; the message says what it lacks."""


class Group:
    """One listener that may say no."""

    def __init__(self) -> None:
        flags = _CLOEXEC | _NONBLOCK | _CONTENT | _UNLIMITED_QUEUE | _UNLIMITED_MARKS
        self.handle: int = _libc.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC | os.O_LARGEFILE)
        if self.handle < 0:
            raise Unavailable(_why(ctypes.get_errno()))

    def mark(self, path: str, mask: int) -> None:
        """Ask about the whole file system that holds the path, wherever it is mounted; raises `Unavailable`."""
        if _libc.fanotify_mark(self.handle, _ADD | _FILESYSTEM, mask, _AT_FDCWD, os.fsencode(path)):
            raise Unavailable(_why(ctypes.get_errno()))

    def unmark(self, path: str, mask: int) -> None:
        _libc.fanotify_mark(self.handle, _REMOVE | _FILESYSTEM, mask, _AT_FDCWD, os.fsencode(path))

    def read(self) -> list[Event]:
        """What waits; empty when nothing does."""
        try:
            content = os.read(self.handle, 16384)
        except BlockingIOError:
            return []
        found, place = [], 0
        while place + _EVENT.size <= len(content):
            length, _version, _reserved, _head, mask, handle, pid = _EVENT.unpack_from(content, place)
            found.append(Event(mask, handle, pid))
            place += length
        return found

    def answer(self, handle: int, word: int) -> None:
        """Who waited for it may have ended meanwhile."""
        try:
            os.write(self.handle, _ANSWER.pack(handle, word))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise

    def close(self) -> None:
        os.close(self.handle)


def _why(number: int) -> str:
    return {
        errno.EPERM: "The right CAP_SYS_ADMIN in the first user namespace is missing.",
        errno.EINVAL: "This kernel cannot ask before a file is opened (CONFIG_FANOTIFY_ACCESS_PERMISSIONS).",
        errno.ENOSYS: "This kernel has no fanotify.",
        errno.EMFILE: "There are too many fanotify listeners on this host.",
    }.get(number, f"The kernel refuses fanotify: {os.strerror(number)}.")
