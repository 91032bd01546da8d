"""Ends one process of a running portal after the other, as a machine in trouble would."""

import contextlib
import os
import random
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

from tests.started_portal import StartedPortal

# By the word of their command line; a worker that is only for mail or for signing has one more.
PARTS = {"postgres": "postgres", "valkey": "valkey-server", "nursery": "soc_portal.up.nursery",
         "web": "soc_portal.up.web", "worker": "soc_portal.up.worker"}  # fmt: skip
CHILD = "worker child"


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
            self._waiting = self._random.sample([*PARTS, CHILD], len(PARTS) + 1)
        part = self._waiting.pop()
        pid = self._pid_of(part)
        if pid is None:
            self._waiting.insert(0, part)  # it is being started again: later
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed[part] += 1

    def strikes_the_last(self) -> bool:
        """Another strike; whether none is left."""
        self.strike()
        return self.killed.total() >= self.kills

    def _pid_of(self, part: str) -> int | None:
        if part != CHILD:
            return self._named(PARTS[part])
        worker = self._named(PARTS["worker"])
        children = _children_of(worker) if worker else []
        return self._random.choice(children) if children else None

    def _named(self, word: str) -> int | None:
        return next((pid for pid in self.portal.children().values() if _is(pid, word)), None)


def _is(pid: int, word: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").split()
    except OSError:
        return False
    return not {"mail", "signer"} & set(words) and any(Path(one).name == word for one in words)


def _children_of(parent: int) -> list[int]:
    answer = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in answer.stdout.splitlines()]
    return sorted(pid for pid, its_parent in pairs if its_parent == parent)
