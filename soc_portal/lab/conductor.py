"""What `./soc lab` does from outside: start, stop, look, and run a command on a host."""

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soc_portal.lab import able
from soc_portal.lab.keeper import STATE, WANTED, namespace, started
from soc_portal.lab.plan import URL, agent_half, environment, lean, plan_lab
from soc_portal.up.errors import UpError
from soc_portal.up.processes import tail, wait_until

_READY_S = 90
_JOIN_S = 120
AT_ONCE = 3
# Where a host tells how its services stand, below its root.
REPORT = "run/soc-lab/report.json"
# Keepers that this process started: asked after when a lab ends, so that none stays as a zombie.
_keepers: "list[subprocess.Popen[bytes]]" = []
# Who makes the token for a host, by its name.
Enrol = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Lab:
    """The lab of one data folder. Two of different folders know nothing of each other."""

    data: Path

    @property
    def folder(self) -> Path:
        return self.data.resolve() / "lab"

    @property
    def portal(self) -> Path:
        return self.data.resolve() / "agents.sock"

    def state(self) -> dict[str, Any] | None:
        """What the keeper told, as long as it lives."""
        try:
            found: dict[str, Any] = json.loads((self.folder / STATE).read_text())
        except (OSError, ValueError):
            return None
        return found if found.get("began") and started(int(found["keeper"])) == found["began"] else None

    def needed_state(self) -> dict[str, Any]:
        state = self.state()
        if state is None:
            raise UpError(f"no lab runs beside {self.data}: start it with ./soc lab up")
        return state

    def host(self, name: str) -> dict[str, Any]:
        hosts = {one["name"]: one for one in self.needed_state()["hosts"]}
        if name not in hosts:
            raise UpError(f"the lab has no host {name!r}; there are {', '.join(hosts)}")
        return dict(hosts[name])


def start(lab: Lab, count: int, *, root: bool, stays: bool = True) -> None:
    """Hosts without an agent yet. They stay when this process ends, or end with it."""
    if lab.state() is not None:
        raise UpError(f"a lab runs already beside {lab.data}: ./soc lab status, or ./soc lab down")
    reason = able.missing(root=root)
    if reason:
        raise UpError(f"this machine cannot hold a lab: {reason}")
    end(lab)
    (lab.folder / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    (lab.folder / WANTED).unlink(missing_ok=True)
    plan = plan_lab(lab.folder, lab.portal, count, root=root)
    command = [*able.isolating(root=root), *lean("keeper", plan.as_text(), "" if stays else str(os.getpid()))]
    log = lab.folder / "logs/keeper.log"
    keeper = _started(command, log)
    _keepers.append(keeper)
    if not wait_until(lambda: _is_up(lab) or keeper.poll() is not None, seconds=_READY_S) or not _is_up(lab):
        end(lab)
        with contextlib.suppress(ProcessLookupError):
            keeper.kill()
        keeper.wait(5)
        raise UpError(f"the lab does not start: {tail(log, 600).strip() or f'see {log}'}")


def grow(lab: Lab, count: int) -> None:
    """More hosts for the lab that runs, without an agent yet. They end with it."""
    running = len(lab.needed_state()["hosts"])
    if count <= running:
        raise UpError(f"a lab of {running} hosts runs already beside {lab.data}: ./soc lab status, or ./soc lab down")
    draft = lab.folder / f"{WANTED}.new"
    draft.write_text(str(count))
    draft.replace(lab.folder / WANTED)
    if not wait_until(lambda: _is_up(lab, count), seconds=_READY_S):
        raise UpError(f"not every host starts: see {lab.folder / 'logs'}")


def _started(command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that it outlives the terminal."""
    with log.open("ab") as output:
        return subprocess.Popen(command, env=dict(environment()), stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip


def _is_up(lab: Lab, count: int = 1) -> bool:
    state = lab.state()
    return state is not None and len(state["hosts"]) >= count and all(is_ready(one) for one in state["hosts"])


def is_ready(host: dict[str, Any]) -> bool:
    """Whether it stands on its own file system and answers; before that a command would see the machine's."""
    return bool(host["pid"]) and Path(f"/proc/{host['pid']}/root", REPORT).exists()


def end(lab: Lab) -> int:
    """Everything of the lab, also of one whose keeper was killed; how many processes had to be ended by hand."""
    file = lab.folder / STATE
    try:
        state: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return 0
    keeper = int(state["keeper"])
    if started(keeper) == state["began"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)
        wait_until(lambda: started(keeper) != state["began"], seconds=5)
    _keepers[:] = [one for one in _keepers if one.poll() is None]
    numbers = {state["net"], *(one["net"] for one in state["hosts"])} - {0, namespace(os.getpid(), "net")}
    left = _sweep(numbers)
    file.unlink(missing_ok=True)
    return left


def _sweep(numbers: set[int]) -> int:
    """Kill what still lives in the namespaces, until nothing does. A number is used again only when none does."""
    count = 0
    deadline = time.monotonic() + 5
    while (found := members(numbers)) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                count += 1
        time.sleep(0.05)
    return count


def members(numbers: set[int]) -> list[int]:
    """Processes in one of the network namespaces; those that ended and wait for their parent have none."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if namespace(pid, "net") in numbers]


def join(lab: Lab, enrol: Enrol, *, url: str = URL) -> list[str]:
    """Enrol the hosts that belong to no portal yet; their names. Their agents start by themselves."""
    new = [one for one in lab.needed_state()["hosts"] if not Path(one["folder"], "etc/settings.json").exists()]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda one: _join(lab, str(one["name"]), enrol, url), new))


def _join(lab: Lab, name: str, enrol: Enrol, url: str) -> str:
    words = agent_half("network", ("--folder", "/", "enroll", "--url", url, "--token", enrol(name)))
    done = run_on(lab, name, words, capture=True)
    if done.returncode:
        raise UpError(f"{name} could not join the portal: {(done.stderr or done.stdout).strip()[-400:]}")
    return name


def wait_for_agents(lab: Lab, seconds: float = _JOIN_S) -> bool:
    """Whether the helper of each host answers within the time."""
    names = [one["name"] for one in lab.needed_state()["hosts"]]
    return wait_until(lambda: all(ask_helper(lab.host(name)) for name in names), seconds=seconds, pause=0.2)


def run_on(lab: Lab, name: str, command: Sequence[str], *, capture: bool = False,
           given: bytes | None = None) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run it in the host's namespaces to its end."""
    host, state = lab.host(name), lab.needed_state()
    words = entering(host, root=bool(state["root"]))
    return subprocess.run(
        [*words, *command], env=dict(environment(name)), capture_output=capture, check=False,
        input=None if given is None else given.decode(), text=True,
    )  # fmt: skip


def entering(host: dict[str, Any], *, root: bool) -> list[str]:
    """The words before a command that is to run on the host."""
    if not is_ready(host):
        raise UpError(f"{host['name']} is starting again: try in a moment")
    user = [] if root else ["--user", "--preserve-credentials"]
    where = ["--mount", "--net", "--pid", "--uts", "--root", "--wd"]
    return [shutil.which("nsenter") or "nsenter", f"--target={host['pid']}", *user, *where, "--"]


def ask_helper(host: dict[str, Any]) -> dict[str, Any]:
    """What the agent's helper on that host says of itself; empty when it does not answer."""
    message = json.dumps({"ask": "status"}).encode()
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            line.connect(str(Path(f"/proc/{host['pid']}/root", "run/soc-agent/helper.sock")))
            line.sendall(struct.pack(">I", len(message)) + message)
            length = struct.unpack(">I", _exactly(line, 4))[0]
            found: dict[str, Any] = json.loads(_exactly(line, length))
            return found
    except (OSError, ValueError, struct.error):
        return {}


def _exactly(line: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        part = line.recv(min(size - len(content), 65_536))
        if not part:
            raise OSError("it hung up")
        content += part
    return content


def status(lab: Lab) -> dict[str, Any]:
    """For programs: the lab and each of its hosts."""
    state = lab.state()
    if state is None:
        return {"running": False, "data": str(lab.data.resolve()), "hosts": []}
    return {
        "running": True, "data": str(lab.data.resolve()), "root": state["root"], "keeper": state["keeper"],
        "portal": {"socket": state["portal"], "url": URL, "listens": Path(state["portal"]).exists()},
        "sink": _sink(lab), "hosts": [_status_of(one) for one in state["hosts"]],
    }  # fmt: skip


def _sink(lab: Lab) -> dict[str, int]:
    try:
        found: dict[str, int] = json.loads((lab.folder / "sink.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def _status_of(host: dict[str, Any]) -> dict[str, Any]:
    settings = _read(Path(host["folder"], "etc/settings.json"))
    services = _read(Path(f"/proc/{host['pid']}/root", REPORT))
    told = ask_helper(host)
    agent = "answers" if told else "does not answer" if settings else "not enrolled"
    return {
        "name": host["name"], "addresses": [host["address4"], host["address6"]],
        "device_id": settings.get("device_id", ""), "machine_id": host["machine_id"],
        "namespaces": {"pid": host["pid"], "net": host["net"]}, "services": services,
        "agent": {
            "state": agent, "version": told.get("version", ""), "generation": told.get("generation", 0),
            "observed": {name: one.get("value") for name, one in told.get("observed", {}).items()},
        },
        "unsupported": {name: why for name, why in told.get("capabilities", {}).items() if why},
    }  # fmt: skip


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def forget(lab: Lab) -> None:
    """Who the hosts were to the portal: they join as new ones next time."""
    shutil.rmtree(lab.folder / "hosts", ignore_errors=True)
