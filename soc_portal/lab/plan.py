"""Names and addresses of a lab, and how its processes are started."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MOST_HOSTS = 5
PORTAL_NAME, PORTAL_PORT = "agents.soc-portal.internal", 8443
# Where a host has the agent's commands.
COMMANDS = "/lab/bin"
URL = f"https://{PORTAL_NAME}:{PORTAL_PORT}"
DOMAIN = "soc-lab.internal"
# Addresses that are kept for documentation: they lead nowhere but here.
BRIDGE4, BRIDGE6 = "192.0.2.1", "2001:db8::1"
# The sink has its own, so that what an attack speaks to can be cut off without the portal.
SINK4, SINK6 = "192.0.2.2", "2001:db8::2"
SINK_PORT = 9099
# Standard library only: the portal's own package would load Celery and settings into each of the lab's processes.
_LEAN = (
    "import sys, types; p = types.ModuleType('soc_portal'); p.__path__ = [sys.argv[1]]; "
    "sys.modules['soc_portal'] = p; import importlib; "
    "importlib.import_module('soc_portal.lab.' + sys.argv[2]).main(*sys.argv[3:])"
)


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host. `folder` keeps what outlives a stop of the lab: who the host is to the portal."""

    name: str
    address4: str
    address6: str
    folder: str
    machine_id: str


@dataclass(frozen=True, slots=True)
class LabPlan:
    """`portal` is the socket that agents are relayed to; `root` says that there is no user namespace around it. `hosts`
    are all that there can be, who know each other by name; the first `count` of them run from the beginning."""

    folder: str
    portal: str
    root: bool
    count: int
    hosts: tuple[HostPlan, ...]

    def as_text(self) -> str:
        return json.dumps(asdict(self))


def read_plan(text: str) -> LabPlan:
    value: dict[str, Any] = json.loads(text)
    return LabPlan(**{**value, "hosts": tuple(HostPlan(**one) for one in value["hosts"])})


def plan_lab(folder: Path, portal: Path, count: int, *, root: bool) -> LabPlan:
    """`folder` is the lab's own, below the data folder."""
    hosts = []
    for number in range(1, MOST_HOSTS + 1):
        name = f"lab-{number}"
        machine = hashlib.sha256(f"{folder}\n{name}".encode()).hexdigest()[:32]
        place = folder / "hosts" / name
        hosts.append(HostPlan(name, f"192.0.2.{10 + number}", f"2001:db8::{10 + number}", str(place), machine))
    return LabPlan(str(folder), str(portal), root, count, tuple(hosts))


def lean(module: str, *words: str) -> list[str]:
    """The command that runs a module of this package by itself."""
    return [sys.executable, "-P", "-c", _LEAN, str(ROOT / "soc_portal"), module, *words]


def agent_half(module: str, words: Sequence[str] = ()) -> list[str]:
    """The command that runs one half of the agent, as its package would."""
    return [sys.executable, "-P", "-c", f"from soc_agent.{module} import main; main()", *words]


def environment(host: str = "") -> Mapping[str, str]:
    """Of a process in the lab: nothing of the caller's, whose secrets are none of a host's business."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {
        **kept,
        "PATH": f"{COMMANDS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": str(ROOT / "agent"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "HOME": "/root" if host else "/",
        "SOC_LAB_HOST": host,
    }
