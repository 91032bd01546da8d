"""Children that are forked from the nursery, where there is one, instead of loading everything anew."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from soc_portal.up.processes import Child, adopting, wait_until

# What the nursery says when it has loaded everything; after that, the id of each child.
READY = b"ready"
LONGEST = 16_384
MODULE = "soc_portal.up.nursery"
_ANSWERS_WITHIN = 10.0
# Room for the words that `ps` shows of a child: they are written where the nursery's own lay.
_ROOM = "-" * 512


class Order(NamedTuple):
    """A child that is wanted: the words after `python`, as a plain start has them, and where it writes."""

    words: list[str]
    log: str

    @property
    def module(self) -> str:
        return self.words[self.words.index("-m") + 1]

    @property
    def arguments(self) -> list[str]:
        return self.words[self.words.index("-m") + 2 :]

    def said(self) -> bytes:
        return json.dumps(self).encode()

    @classmethod
    def heard(cls, said: bytes) -> Self:
        return cls(*json.loads(said))


class Nursery(Child):
    """The process that the others are forked from. It may be killed at any time: who is wanted meanwhile is started
    the plain way, and costs more memory."""

    def __init__(self, *, env: Mapping[str, str], log: Path) -> None:
        words = [sys.executable, "-P", "-m", MODULE, str(os.getpid()), _ROOM]
        super().__init__("nursery", words, env=env, log=log)
        self._line: socket.socket | None = None
        self._is_ready = False

    def start(self) -> None:
        self._hang_up()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._input = theirs.fileno()
            super().start()
        self._line, self._is_ready = ours, False

    def is_ready(self) -> bool:
        if not self._is_ready and self._line is not None and self.is_running():
            self._line.settimeout(0)
            with contextlib.suppress(OSError):
                self._is_ready = self._line.recv(LONGEST) == READY
        return self._is_ready and self.is_running()

    def wait_until_ready(self, seconds: float) -> bool:
        return wait_until(lambda: self.is_ready() or not self.is_running(), seconds=seconds) and self.is_ready()

    def bear(self, order: Order) -> int | None:
        """The id of a new process that is the caller's own child, or nothing when the nursery cannot make one."""
        if not self.is_ready() or self._line is None:
            return None
        try:
            with adopting():
                self._line.settimeout(_ANSWERS_WITHIN)
                self._line.send(order.said())
                return self._answer(self._line)
        except (OSError, ValueError):
            return None

    def stop(self, escalation: object = ()) -> None:
        super().stop([])
        self._hang_up()

    def _answer(self, line: socket.socket) -> int:
        """One that does not answer is ended. A child that was born after all has said so by then, or cannot any more
        and ends."""
        try:
            return int(line.recv(LONGEST))
        except TimeoutError:
            super().stop([])
            line.shutdown(socket.SHUT_RDWR)
            return int(line.recv(LONGEST))

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line, self._is_ready = None, False


class Forked(Child):
    """A child of the nursery; without one it is started like any other."""

    def __init__(
        self, name: str, command: list[str], *, env: Mapping[str, str], log: Path, nursery: Callable[[], Nursery | None]
    ) -> None:
        super().__init__(name, command, env=env, log=log)
        self._nursery, self._into = nursery, log

    def start(self) -> None:
        nursery = self._nursery()
        self._into.parent.mkdir(parents=True, exist_ok=True)
        pid = nursery.bear(Order(self.command[1:], str(self._into))) if nursery else None
        if pid is None:
            super().start()
        else:
            self._process = Adopted(pid)


class Adopted:
    """What `subprocess.Popen` is for a process that somebody else started for us. It is our child, so its id stays its
    own until we have heard of its end."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if not pid:
                    return None
                self._code = os.waitstatus_to_exitcode(status)
                return self._code
            self._code = 0  # somebody else heard of it
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return code
