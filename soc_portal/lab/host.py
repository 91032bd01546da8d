"""The first process of a host in the lab: it makes the host, starts its services and the agent, and ends nothing else.

It starts again whatever ends, as an init system would, and collects the processes that lost their parents.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from soc_portal.lab.furnish import furnish
from soc_portal.lab.plan import HostPlan, agent_half, environment, lean, read_plan

REPORT, LOGS = Path("/run/soc-lab/report.json"), Path("/var/log/soc-lab")
SETTINGS = Path("/etc/soc-agent/settings.json")
_FIRST_PAUSE, _LONGEST_PAUSE, _STEADY_AFTER = 0.5, 10.0, 30.0


@dataclass(slots=True)
class Service:
    """One program that is kept running. `after` is a file that must exist first."""

    name: str
    command: list[str]
    after: Path | None = None
    pid: int = 0
    starts: int = 0
    started: float = 0.0
    due: float = 0.0
    pause: float = _FIRST_PAUSE

    def is_due(self, now: float) -> bool:
        return not self.pid and now >= self.due and (self.after is None or self.after.exists())

    def ended(self, now: float) -> None:
        steady = now - self.started > _STEADY_AFTER
        self.pid, self.pause = 0, _FIRST_PAUSE if steady else min(self.pause * 2, _LONGEST_PAUSE)
        self.due = now + self.pause


def main(lab_text: str, name: str) -> None:
    lab = read_plan(lab_text)
    host = next(one for one in lab.hosts if one.name == name)
    try:
        join_network(host)
        furnish(host, lab)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{name} cannot be made: {error}")
    socket.sethostname(name)
    for folder in (REPORT.parent, LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    keep_running(services())


def services() -> list[Service]:
    helper = Path("/run/soc-agent/helper.sock")
    return [
        Service("web", lean("web_server")),
        Service("helper", agent_half("helper", ("--folder", "/")), after=SETTINGS),
        Service("network", agent_half("network", ("--folder", "/", "run")), after=helper),
    ]


def join_network(host: HostPlan) -> None:
    """The keeper puts `eth0` here. Raises `OSError` when it does not."""
    deadline = time.monotonic() + 20
    while "eth0" not in [name for _, name in socket.if_nameindex()]:
        if time.monotonic() > deadline:
            raise OSError("no interface came")
        time.sleep(0.02)
    lines = (
        "link set lo up", f"addr add {host.address4}/24 dev eth0", f"addr add {host.address6}/64 dev eth0 nodad",
        "link set eth0 up",
    )  # fmt: skip
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)  # noqa: S607 - the PATH is the lab's own


def keep_running(kept: list[Service]) -> None:
    """Until it is told to stop."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopping.append(number))
    told = ""
    while not stopping:
        now = time.monotonic()
        for service in kept:
            if service.is_due(now):
                _start(service, now)
        _collect(kept)
        told = _report(kept, told)
        time.sleep(0.1)
    for service in kept:
        if service.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(service.pid, signal.SIGTERM)


def _start(service: Service, now: float) -> None:
    log = LOGS / f"{service.name}.log"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    service.pid = os.posix_spawn(service.command[0], service.command, _environment(), file_actions=actions,
                                 setsid=True)  # fmt: skip
    service.starts, service.started = service.starts + 1, now


def _environment() -> dict[str, str]:
    return dict(environment(socket.gethostname()))


def _collect(kept: list[Service]) -> None:
    """Processes that ended, the services' and those that nobody waits for."""
    with contextlib.suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) > 0:
            for service in kept:
                if service.pid == pid:
                    service.ended(time.monotonic())


def _web_answers() -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 80), timeout=1):
        return True
    return False


def _report(kept: list[Service], told: str) -> str:
    """How the services stand, for whoever looks in from outside; first when the web server answers, then whenever it
    changed."""
    if not told and not _web_answers():
        return ""
    text = json.dumps({one.name: {"pid": one.pid, "starts": one.starts} for one in kept})
    if text != told:
        draft = REPORT.with_suffix(".new")
        draft.write_text(text)
        draft.replace(REPORT)
    return text
