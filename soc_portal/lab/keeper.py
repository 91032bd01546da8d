"""Holds the lab together: the bridge's namespaces are its own, the hosts are its children. When it ends, all ends.

It runs in a network and mount namespace of its own, without real root in a user namespace too. Every child asks the
kernel to be killed with it, so that nothing outlives even a SIGKILL.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from soc_portal.lab.plan import BRIDGE4, BRIDGE6, SINK4, SINK6, HostPlan, LabPlan, environment, lean, read_plan
from soc_portal.up.processes import Child, die_with_parent, tail

STATE, WANTED = "lab.json", "wanted"
_PAUSE_S = 0.2
_AGAIN_AFTER_S = 1.0


class CannotKeep(Exception):
    """A host or the bridge does not come; the message says why."""


@dataclass(slots=True)
class Kept:
    """A host and the processes that hold it: `outer` made its namespaces, `pid` is the first inside."""

    plan: HostPlan
    outer: Child
    pid: int = 0
    net: int = 0
    due: float = 0.0


class Keeper:
    def __init__(self, lab: LabPlan) -> None:
        self._lab = lab
        self._folder = Path(lab.folder)
        self._bridge = Child("bridge", lean("bridge", lab.as_text()), env=environment(), log=self._log("bridge"))
        self._hosts = [Kept(plan, self._child(plan)) for plan in lab.hosts[: lab.count]]
        self._told: dict[str, Any] = {}

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    def _child(self, plan: HostPlan) -> Child:
        words = ["unshare", "--net", "--mount", "--pid", "--uts", "--fork", "--kill-child"]
        return Child(plan.name, [*words, *lean("host", self._lab.as_text(), plan.name)], env=environment(plan.name),
                     log=self._log(plan.name))  # fmt: skip

    def start(self) -> None:
        """Raises `CannotKeep`."""
        _ip("link set lo up", "link add br0 type bridge", *(f"addr add {one}/24 dev br0" for one in (BRIDGE4, SINK4)),
            *(f"addr add {one}/64 dev br0 nodad" for one in (BRIDGE6, SINK6)), "link set br0 up")  # fmt: skip
        self._bridge.start()
        for host in self._hosts:
            host.outer.start()
        for host in self._hosts:
            self._connect(host)
        self._tell()

    def _connect(self, host: Kept) -> None:
        """Give a host that has its namespaces its end of the wire."""
        outer = host.outer.pid or 0
        own = namespace(os.getpid(), "net")
        self._wait(host, lambda: namespace(outer, "net") not in (0, own))
        port = f"to-{host.plan.name}"
        with contextlib.suppress(CannotKeep):  # a host that was killed may have left its end for a moment
            _ip(f"link del {port}")
        _ip(f"link add {port} type veth peer name eth0 netns {outer}", f"link set {port} master br0 up")
        self._wait(host, lambda: bool(first_child(outer)))
        host.pid, host.net = first_child(outer), namespace(outer, "net")

    def _wait(self, host: Kept, is_there: Any) -> None:
        deadline = time.monotonic() + 20
        while not is_there():
            if not host.outer.is_running() or time.monotonic() > deadline:
                log = self._log(host.plan.name)
                raise CannotKeep(f"{host.plan.name} does not start: {tail(log, 600).strip() if log.exists() else ''}")
            time.sleep(0.01)

    def keep(self, stopping: list[int]) -> None:
        while not stopping:
            now = time.monotonic()
            if not self._bridge.is_running():
                self._bridge.start()
            self._grow()
            for host in self._hosts:
                self._look_after(host, now)
            self._tell()
            time.sleep(_PAUSE_S)

    def _grow(self) -> None:
        """Hosts that `./soc lab up` asks for beside those that run; they are switched on as one that comes back."""
        with contextlib.suppress(OSError, ValueError):
            wanted = int((self._folder / WANTED).read_text())
            self._hosts += [Kept(plan, self._child(plan)) for plan in self._lab.hosts[len(self._hosts) : wanted]]

    def _look_after(self, host: Kept, now: float) -> None:
        """A host whose first process ended comes back, as one that is switched on again."""
        if host.outer.is_running():
            return
        if host.pid:
            host.pid, host.due = 0, now + _AGAIN_AFTER_S
        elif now >= host.due:
            host.due = now + _AGAIN_AFTER_S
            host.outer.start()
            with contextlib.suppress(CannotKeep):
                self._connect(host)

    def stop(self) -> None:
        for host in self._hosts:
            host.outer.stop([])
        self._bridge.stop([(signal.SIGTERM, 0.5)])

    def _tell(self) -> None:
        """What runs where, for `./soc lab` outside."""
        state = {
            "keeper": os.getpid(), "began": started(os.getpid()), "root": self._lab.root,
            "net": namespace(os.getpid(), "net"), "bridge": self._bridge.pid, "portal": self._lab.portal,
            "hosts": [{**asdict(one.plan), "pid": one.pid, "net": one.net} for one in self._hosts],
        }  # fmt: skip
        if state != self._told:
            draft = self._folder / f"{STATE}.new"
            draft.write_text(json.dumps(state, indent=1))
            draft.replace(self._folder / STATE)
            self._told = state


def namespace(pid: int, kind: str) -> int:
    """The number of a process's namespace, 0 when there is no such process or it may not be looked at."""
    try:
        return int(str(Path(f"/proc/{pid}/ns/{kind}").readlink()).partition("[")[2].rstrip("]"))
    except (OSError, ValueError):
        return 0


def started(pid: int) -> int:
    """When the process began, in ticks since the machine did: with its number it is one process and no other. 0 for
    one that ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return 0 if words[0] in "ZX" else int(words[19])
    except (OSError, ValueError, IndexError):
        return 0


def first_child(pid: int) -> int:
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    return int(words[0]) if words else 0


def _ip(*lines: str) -> None:
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), capture_output=True, text=True, check=False)  # noqa: S607 - the PATH is the lab's own
    if done.returncode:
        raise CannotKeep(f"ip refuses: {done.stderr.strip()[:300]}")


def main(lab_text: str, parent: str = "") -> None:
    """`parent` is the process that it shall not outlive, if any. The kernel is asked here, for it forgets that with a
    new user namespace."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda given, _frame: stopping.append(given))
    if parent:
        die_with_parent(signal.SIGTERM, int(parent))
    keeper = Keeper(read_plan(lab_text))
    try:
        keeper.start()
        keeper.keep(stopping)
    except CannotKeep as error:
        sys.exit(str(error))
    finally:
        keeper.stop()
