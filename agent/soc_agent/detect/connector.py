"""The kernel's own word about processes that begin, where the helper may hear it: also of those that end at once."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

_NETLINK_CONNECTOR, _CN_IDX_PROC, _LISTEN = 11, 1, 1
_EXEC = 0x2
_HEAD, _EVENT, _EXECED = struct.Struct("=IHHII"), struct.Struct("=IIQ"), struct.Struct("=II")
_MESSAGE = struct.Struct("=IIIIHH")


class Connector:
    """Raises `OSError` where the right is missing, or this is not the first namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, _NETLINK_CONNECTOR)
        try:
            self._socket.bind((os.getpid(), _CN_IDX_PROC))
            body = _MESSAGE.pack(_CN_IDX_PROC, 1, 0, 0, 4, 0) + struct.pack("=I", _LISTEN)
            self._socket.send(_HEAD.pack(_HEAD.size + len(body), 3, 0, 0, os.getpid()) + body)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def begun(self) -> Iterator[int]:
        """Processes that became a program since the last time."""
        place = _HEAD.size + _MESSAGE.size
        with suppress(BlockingIOError, OSError):
            while True:
                content = self._socket.recv(4096)
                if len(content) < place + _EVENT.size + _EXECED.size:
                    continue
                what, _cpu, _time = _EVENT.unpack_from(content, place)
                if what == _EXEC:
                    pid, group = _EXECED.unpack_from(content, place + _EVENT.size)
                    if pid == group:
                        yield pid

    def close(self) -> None:
        self._socket.close()
