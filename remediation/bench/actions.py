"""From request to verified: how long a person waits, with real workers and a quick simulated company.

The limit beside it is what the same machine needs for the messages and durable commits alone that one action takes,
measured in the same run through the same worker.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts.enums import ScopeKind
from accounts.models import DeviceGroup, Role, User
from connectors.kinds.simulator import world
from connectors.models import Connection, ConnectorState
from connectors.services.connections import create_connection
from core import clock, heartbeat, jobs, options
from core.actors import Actor
from incidents.models import Device
from incidents.services.bindings import bind
from remediation.enums import OPEN_STATUSES, RunStatus
from remediation.models import ActionRun
from remediation.services.decide import approve_run
from remediation.services.request import request_action

BENCH = Actor.system("bench")
SIMULATOR_DELAY_S = 0.1
# What one action takes at least: start, submit, poll, conclude; each of them a message and a commit.
HOPS = 4
TARGET_P95_S = 1.5


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Measure `count` (default 60) isolations one after another, then as many at once."""
    count = int(options.get("count") or 60)
    with _worker():
        connection, asker, approver = _set_up()
        devices = [_device(connection, number) for number in range(2 * count + 3)]
        for device in devices[:3]:
            _wait([_isolate(device, asker, approver)])
        alone = [_one(device, asker, approver) for device in devices[3 : count + 3]]
        began = time.monotonic()
        runs = [_isolate(device, asker, approver) for device in devices[count + 3 :]]
        _wait(runs, seconds=120)
        took = time.monotonic() - began
        limit = _limit_s(connection)
    p95 = percentile(alone, 95)
    together = [_seconds(one) for one in ActionRun.objects.filter(pk__in=[one.pk for one in runs])]
    return {
        "actions": count,
        "simulator_delay_s": SIMULATOR_DELAY_S,
        "request_to_verified_p50_s": round(percentile(alone, 50), 3),
        "request_to_verified_p95_s": round(p95, 3),
        "target_p95_s": TARGET_P95_S,
        "at_once_p95_s": round(percentile(together, 95), 3),
        "at_once_actions_per_s": round(count / took, 1),
        "limit_s": round(limit, 3),
        "ratio_limit_to_p50": round(limit / percentile(alone, 50), 3),
        "ratio_target_to_p95": round(TARGET_P95_S / p95, 2),
    }


def percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


@contextlib.contextmanager
def _worker() -> Iterator[None]:
    """The worker of a portal, unless one is running already."""
    heartbeat.forget()
    process = subprocess.Popen([sys.executable, "-P", "-m", "soc_portal.up.worker"], env=dict(os.environ))
    try:
        until(_worker_answers, seconds=60)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _worker_answers() -> bool:
    jobs.enqueue("core.tasks.worker_heartbeat")
    time.sleep(0.2)
    return heartbeat.age_s("worker") is not None


def _set_up() -> tuple[Connection, User, User]:
    settings = {"start_after_s": str(SIMULATOR_DELAY_S / 2), "finish_after_s": str(SIMULATOR_DELAY_S)}
    for key in options.get_many("caps."):  # here the brakes are not what is measured
        options.put(key, 0, actor=BENCH)
    stamp = f"{time.time_ns():x}"
    connection = create_connection(name=f"bench {stamp}", kind="simulator", settings=settings, actor=BENCH)
    return connection, make_person(f"asker-{stamp}", "analyst"), make_person(f"approver-{stamp}", "responder")


def make_person(username: str, role: str) -> User:
    user = User.objects.create(username=username, display_name=username, scope_kind=ScopeKind.ALL)
    user.roles.set([Role.objects.get(key=role)])
    return user


def _device(connection: Connection, number: int) -> Device:
    name = f"bench-{connection.pk}-{number}"
    device = Device.objects.create(key=name, display_name=name, device_group=DeviceGroup.objects.get(is_default=True))
    world.put_target(connection, "device", name)
    bind(device, connection=connection, remote_id=name, actor=BENCH)
    return device


def _isolate(device: Device, asker: User, approver: User) -> ActionRun:
    asked = request_action("device.isolate", target=device, comment="bench", actor=asker.actor, user=asker)
    return approve_run(asked, actor=approver.actor, user=approver)


def _one(device: Device, asker: User, approver: User) -> float:
    """Seconds from before the request to the moment on record at which it was verified."""
    began = clock.real_now()
    asked = _isolate(device, asker, approver)
    _wait([asked])
    return _seconds(ActionRun.objects.get(pk=asked.pk), since=began)


def _seconds(done: ActionRun, since: datetime | None = None) -> float:
    if done.status != RunStatus.SUCCEEDED or done.ended is None:
        raise RuntimeError(f"{done} ended as {done.status}: {done.status_detail}")
    return (done.ended - (since or done.created)).total_seconds()


def _wait(runs: Sequence[ActionRun], *, seconds: float = 30) -> None:
    ids = [one.pk for one in runs]
    until(lambda: not ActionRun.objects.filter(pk__in=ids, status__in=OPEN_STATUSES).exists(), seconds=seconds)


def until(true: Callable[[], bool], *, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        if time.monotonic() > give_up:
            raise TimeoutError("The workers did not keep up.")
        time.sleep(0.02)


def _limit_s(connection: Connection) -> float:
    """The median of: `HOPS` messages to a worker and back, as many durable commits, and the simulator's own delay."""
    row = ConnectorState.objects.filter(connection=connection).first()
    if row is None:
        raise RuntimeError("The company is empty.")
    samples = []
    for _ in range(20):
        began = time.monotonic()
        for _ in range(HOPS):
            row.save(update_fields=["updated"])
            _round_trip()
        samples.append(time.monotonic() - began)
    return percentile(samples, 50) + SIMULATOR_DELAY_S


def _round_trip() -> None:
    heartbeat.forget()
    jobs.enqueue("core.tasks.worker_heartbeat")
    give_up = time.monotonic() + 5
    while heartbeat.age_s("worker") is None and time.monotonic() < give_up:
        time.sleep(0.001)
