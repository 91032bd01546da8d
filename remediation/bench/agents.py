"""Endpoint agents in numbers: what holding their lines costs, how soon an order reaches one, and many orders at once.

The agents are simulated, many to a process, and speak the real protocol; what they cost is not counted. Beside each
figure stands its target, and the limit is what one core of this machine verifies of their signatures in a second.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings

from accounts.models import DeviceGroup, User
from connectors.enums import AgentState
from connectors.models import Agent
from connectors.services.agents.enrol import connection_of_agents
from connectors.signing.keys import SignerFolder, ensure_keys
from core import clock
from core import options as portal_options
from core.actors import Actor
from incidents.models import Device, DeviceBinding
from remediation.bench.actions import make_person, percentile, until
from remediation.bench.certificate import write_certificate
from remediation.bench.swarm import key_of, public_of
from remediation.enums import OPEN_STATUSES, RunStatus
from remediation.models import ActionRun
from remediation.services.decide import approve_run
from remediation.services.request import request_action

BENCH = Actor.system("bench")
SEED = "bench"
PER_PROCESS = 1_000
TARGET_START_P95_S, TARGET_IDLE_SHARE = 2.0, 0.4
TICKS = os.sysconf("SC_CLK_TCK")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """`count` agents (2,000), `alone` orders one after another (40), `at_once` isolations together (500), `idle_s`
    seconds of holding (75)."""
    count, alone = int(options.get("count") or 2_000), int(options.get("alone") or 40)
    at_once, idle_s = min(count, int(options.get("at_once") or 500)), float(options.get("idle_s") or 75)
    _raise_limit()
    with tempfile.TemporaryDirectory(prefix="soc-agents-") as folder, _portal(Path(folder)) as portal:
        devices = _population(count)
        with _swarm(count, portal.port, Path(folder)) as heard:
            until(lambda: heard.connected >= count, seconds=60 + count / 30)
            until(lambda: Agent.objects.exclude(status={}).count() >= count, seconds=60)
            idle = portal.cost_while(idle_s)
            starts = _one_by_one(devices[:alone], heard)
            together = _together(devices[alone : alone + at_once])
    p95 = percentile(starts, 95)
    return {
        "agents": count,
        "connections_lost": heard.lost,
        "idle_share_of_a_core": {**idle, "target": TARGET_IDLE_SHARE},
        "approved_to_started_p50_s": round(percentile(starts, 50), 3),
        "approved_to_started_p95_s": round(p95, 3),
        "target_p95_s": TARGET_START_P95_S,
        "ratio_target_to_p95": round(TARGET_START_P95_S / p95, 2),
        **together,
    }


class Heard:
    """What the simulated agents told of themselves."""

    def __init__(self) -> None:
        self.connected = self.lost = 0
        self.obeyed: dict[str, float] = {}

    def listen(self, stream: TextIO) -> None:
        for line in stream:
            told = json.loads(line)
            if told["did"] == "connected":
                self.connected += 1
            elif told["did"] == "lost":
                self.lost += 1
            elif told["did"] == "obeyed" and told["isolated"]:
                self.obeyed[told["device"]] = told["at"]


class Portal:
    """The processes that serve agents, and what they cost."""

    def __init__(self, port: int, children: Mapping[str, "subprocess.Popen[bytes]"]) -> None:
        self.port, self._children = port, children

    def cost_while(self, seconds: float) -> dict[str, Any]:
        """Shares of one core while nothing happens but heartbeats: the line, and with it database and broker."""
        before, began = self._used(), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        return {name: round((used - before[name]) / took, 3) for name, used in self._used().items()}

    def _used(self) -> dict[str, float]:
        line = _seconds_of(self._children["line"].pid)
        return {"line": line, "line_with_database_and_broker": line + sum(map(_seconds_of, _servers()))}


@contextlib.contextmanager
def _portal(folder: Path) -> Iterator[Portal]:
    """Line, workers and signer as `./soc up` runs them, on the servers of the measurement."""
    keys = SignerFolder(folder / "signer", folder / "agents")
    os.environ.update(SOC_AGENTS_DIR=str(keys.public), SOC_SIGNER_DIR=str(keys.private), SOC_LOG_LEVEL="WARNING")
    settings.AGENTS_DIR, settings.SIGNER_DIR = keys.public, keys.private
    ensure_keys(keys)
    write_certificate(folder)
    port = _free_port()
    line = [
        "soc_portal.up.agent_line",
        f"--port={port}",
        f"--certificate={folder}/pair.pem",
        f"--key={folder}/pair.key",
    ]
    beat = ["celery", "-A", "soc_portal", "beat", "--pidfile=", f"--schedule={folder}/beat", "--loglevel=WARNING"]
    words = {
        "line": line,
        "worker": ["soc_portal.up.worker"],
        "signer": ["soc_portal.up.worker", "signer"],
        "beat": beat,
    }
    children = {name: subprocess.Popen([sys.executable, "-P", "-m", *word]) for name, word in words.items()}
    try:
        until(lambda: _answers(port), seconds=60)
        yield Portal(port, children)
    finally:
        for child in children.values():
            child.send_signal(signal.SIGTERM)
        for child in children.values():
            _end(child)


@contextlib.contextmanager
def _swarm(count: int, port: int, folder: Path) -> Iterator[Heard]:
    heard, processes = Heard(), []
    for first in range(0, count, PER_PROCESS):
        told = {"seed": SEED, "first": first, "last": min(count, first + PER_PROCESS), "port": port,
                "authority": f"{folder}/pair.pem"}  # fmt: skip
        file = folder / f"swarm-{first}.json"
        file.write_text(json.dumps(told))
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "remediation.bench.swarm", str(file)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        if process.stdout is not None:
            threading.Thread(target=heard.listen, args=(process.stdout,), daemon=True).start()
    try:
        yield heard
    finally:
        for process in processes:
            if process.stdin is not None:
                process.stdin.close()
            _end(process)


def _population(count: int) -> list[Device]:
    """Approved agents whose keys the swarm has, each bound to a device of its own."""
    for key in portal_options.get_many("caps."):  # here the brakes are not what is measured
        portal_options.put(key, 0, actor=BENCH)
    connection, group = connection_of_agents(actor=BENCH), DeviceGroup.objects.get(is_default=True)
    raw = [public_of(key_of(SEED, number)) for number in range(count)]
    Agent.objects.bulk_create(
        [Agent(connection=connection, device_id=sha256(key).hexdigest(), public_key=b64encode(key).decode(),
               state=AgentState.APPROVED, name=f"bench-{number}", device_group=group, decided_at=clock.real_now())
         for number, key in enumerate(raw)], batch_size=500,
    )  # fmt: skip
    devices = Device.objects.bulk_create(
        [Device(key=f"bench-{number}", display_name=f"bench-{number}", device_group=group) for number in range(count)],
        batch_size=500,
    )
    DeviceBinding.objects.bulk_create(
        [DeviceBinding(device=device, connection=connection, remote_id=sha256(key).hexdigest())
         for device, key in zip(devices, raw, strict=True)], batch_size=500,
    )  # fmt: skip
    return devices


def _people() -> tuple[User, User]:
    stamp = f"{time.time_ns():x}"
    return make_person(f"asker-{stamp}", "analyst"), make_person(f"approver-{stamp}", "responder")


def _one_by_one(devices: Sequence[Device], heard: Heard) -> list[float]:
    """Seconds from the approval to the moment at which the device had the order."""
    asker, approver = _people()
    waited = []
    for device in devices:
        asked = request_action("device.isolate", target=device, comment="bench", actor=asker.actor, user=asker)
        approved = time.time()
        done = approve_run(asked, actor=approver.actor, user=approver)
        name = done.remote_id
        until(lambda name=name: name in heard.obeyed, seconds=60)  # type: ignore[misc]
        waited.append(heard.obeyed[name] - approved)
    return waited


def _together(devices: Sequence[Device]) -> dict[str, Any]:
    asker, approver = _people()
    began = time.monotonic()
    runs = [
        approve_run(
            request_action("device.isolate", target=device, comment="bench", actor=asker.actor, user=asker),
            actor=approver.actor, user=approver,
        )
        for device in devices
    ]  # fmt: skip
    asked = time.monotonic() - began
    ids = [one.pk for one in runs]
    until(lambda: not ActionRun.objects.filter(pk__in=ids, status__in=OPEN_STATUSES).exists(), seconds=600)
    took = time.monotonic() - began
    verified = ActionRun.objects.filter(pk__in=ids, status=RunStatus.SUCCEEDED).count()
    if verified != len(runs):
        raise RuntimeError(f"{len(runs) - verified} of {len(runs)} isolations were not verified.")
    return {"at_once": len(runs), "at_once_verified": verified, "at_once_asked_in_s": round(asked, 1),
            "at_once_verified_after_s": round(took, 1)}  # fmt: skip


def _servers() -> list[int]:
    """The database and the broker of this measurement: children of this very process."""
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in mine}
    found = [int(pid) for pid, name in names.items() if name.startswith(("postgres", "valkey", "redis"))]
    return [*found, *(child for pid in found for child in _children(pid))]


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _seconds_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _raise_limit() -> None:
    """Each agent is an open file on both sides."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _end(process: "subprocess.Popen[Any]") -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=15)
    process.kill()
