"""Ends one process of a running portal after the other, as a machine in trouble would."""

import contextlib
import os
import random
import signal
import subprocess
import threading
from collections import Counter

from tests.started_portal import StartedPortal

PARTS = ("postgres", "valkey", "web", "worker", "worker child")


class Killer:
    """Every part equally often, in an order and with pauses that the seed decides."""

    def __init__(self, portal: StartedPortal, *, seed: int, kills: int) -> None:
        self.portal, self.kills = portal, kills
        self.killed: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._waiting: list[str] = []
        self._pause = threading.Event()

    def strike(self) -> None:
        """One pause and, while kills are left, one kill."""
        self._pause.wait(self._random.uniform(0.7, 2.5))
        if self.killed.total() >= self.kills:
            return
        if not self._waiting:
            self._waiting = self._random.sample(PARTS, len(PARTS))
        part = self._waiting.pop()
        pid = self._pid_of(part)
        if pid is None:
            self._waiting.insert(0, part)  # it is being started again: later
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed[part] += 1

    def _pid_of(self, part: str) -> int | None:
        pids = dict(zip(PARTS, self.portal.children().values(), strict=False))
        if part != "worker child":
            return pids[part]
        children = _children_of(pids["worker"])
        return self._random.choice(children) if children else None


def _children_of(parent: int) -> list[int]:
    answer = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in answer.stdout.splitlines()]
    return sorted(pid for pid, its_parent in pairs if its_parent == parent)
