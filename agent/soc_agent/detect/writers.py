"""Which process wrote which file, told by the kernel itself (fanotify), where the helper has real root."""

import ctypes
import os
import struct
from collections import Counter, OrderedDict
from collections.abc import Iterable

_NOTIFY, _CLOEXEC, _NONBLOCK = 0x0, 0x1, 0x2
_ADD, _ONLY_FOLDERS = 0x1, 0x8
_CLOSE_WRITE, _OF_CHILDREN = 0x8, 0x08000000
_HEAD = struct.Struct("=IBBHQii")
_CURRENT_FOLDER = -100
MAX_KEPT = 2000
_libc = ctypes.CDLL(None, use_errno=True)


class Writers:
    """Raises `OSError` where the kernel does not let this process listen."""

    def __init__(self) -> None:
        self._handle = int(_libc.fanotify_init(_NOTIFY | _CLOEXEC | _NONBLOCK, os.O_RDONLY | os.O_LARGEFILE))
        if self._handle < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._by_file: OrderedDict[tuple[int, int], int] = OrderedDict()

    def watch(self, folder: str) -> None:
        """Files directly in it; what cannot be watched is found out less certainly."""
        mask = ctypes.c_uint64(_CLOSE_WRITE | _OF_CHILDREN)
        _libc.fanotify_mark(self._handle, _ADD | _ONLY_FOLDERS, mask, _CURRENT_FOLDER, os.fsencode(folder))

    def read(self) -> None:
        """Take in what was written since the last time."""
        while True:
            try:
                content = os.read(self._handle, 65_536)
            except BlockingIOError:
                return
            place = 0
            while place + _HEAD.size <= len(content):
                length, _version, _reserved, _size, _mask, handle, pid = _HEAD.unpack_from(content, place)
                place += length
                if handle >= 0:
                    self._keep(handle, pid)

    def _keep(self, handle: int, pid: int) -> None:
        try:
            seen = os.fstat(handle)
        finally:
            os.close(handle)
        self._by_file[seen.st_dev, seen.st_ino] = pid
        self._by_file.move_to_end((seen.st_dev, seen.st_ino))
        if len(self._by_file) > MAX_KEPT:
            self._by_file.popitem(last=False)

    def of(self, path: str) -> int:
        """The last process that wrote it, whatever its name was then; 0 when nobody was seen."""
        self.read()
        try:
            seen = os.lstat(path)
        except OSError:
            return 0
        return self._by_file.get((seen.st_dev, seen.st_ino), 0)

    def of_most(self, paths: Iterable[str]) -> int:
        """Who wrote most of them, 0 when nobody was seen."""
        counted = Counter(pid for path in paths if (pid := self.of(path)))
        return counted.most_common(1)[0][0] if counted else 0

    def close(self) -> None:
        os.close(self._handle)


def listening() -> Writers | None:
    """None where the kernel tells nothing of the kind: without real root."""
    try:
        return Writers()
    except OSError:
        return None
