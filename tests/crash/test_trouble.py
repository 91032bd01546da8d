"""Servers go away and come back while alerts keep arriving and actions are decided: nothing that was taken is lost,
nothing is done twice, and who asks meanwhile is told the truth."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from soc_portal.up.processes import wait_until
from soc_portal.up.servers import make_socket_folder
from soc_portal.up.valkey import Valkey
from tests.crash.clients import ALERTS_PER_DEVICE, SOURCE, Api, Responders, Sensors, alert, finished
from tests.crash.ledger import Ledger
from tests.started_portal import StartedPortal

pytestmark = pytest.mark.slow
ALERTS, ACTIONS, BATCH = 200, 8, 20
AWAY, FILLER = "10 minutes", "filler"
# Whatever waits for a time. Moved back while the broker is away, it has waited so much longer when the broker returns.
CLOCKS = (
    ("core_outboxevent", ("created", "due"), "delivered_at IS NULL"),
    ("connectors_delivery", ("due", "leased_until", "created"), "ended_at IS NULL"),
    ("remediation_actionrun", ("next_step_at", "created", "queued"), "ended IS NULL"),
    ("incidents_alert", ("created",), "correlated IS NULL"),
)


@dataclass
class Load:
    """Clients at work; `api.statuses` counts what they were answered."""

    portal: StartedPortal
    api: Api
    sensors: Sensors
    responders: Responders
    ledger: Ledger

    def work(self, *, first: bool) -> None:
        """One half of the alerts and of the actions; done when the portal has taken all of it."""
        numbers, devices = self._half(first)
        with ThreadPoolExecutor(3) as pool:
            work = [pool.submit(self.sensors.send, numbers[at : at + BATCH]) for at in range(0, len(numbers), BATCH)]
            finished([*work, *(pool.submit(self.responders.isolate, one) for one in devices)], meanwhile=_breathe)

    def _half(self, first: bool) -> tuple[range, list[str]]:
        half = ALERTS // 2
        numbers = range(half) if first else range(half, ALERTS)
        return numbers, self.responders.devices[: ACTIONS // 2] if first else self.responders.devices[ACTIONS // 2 :]

    def settles(self) -> None:
        assert wait_until(self.ledger.is_settled, seconds=120, pause=0.3), (
            f"{self.ledger.unsettled()}; {self.portal.last_lines()}"
        )


def _breathe() -> None:
    threading.Event().wait(0.05)


def begin(portal: StartedPortal) -> Load:
    lay = f"from tests.crash.company import lay_company; lay_company({ACTIONS})"
    told = portal.run("manage", "shell", "-v0", "-c", lay)
    assert told.returncode == 0, told.stderr
    company: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    api = Api(portal.url, threading.Event(), patience_s=90)
    sensors = Sensors(api, token=company["tokens"]["sensor"], count=ALERTS, batch=BATCH)
    return Load(portal, api, sensors, Responders(api, tokens=company["tokens"], devices=company["devices"]),
                Ledger(portal))  # fmt: skip


def health(portal: StartedPortal) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{portal.url}/healthz", timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def nothing_is_lost_or_doubled(load: Load) -> None:
    rows = load.ledger.rows
    stored = dict(rows("SELECT provider_alert_id, id::text FROM incidents_alert WHERE source = %s", SOURCE))
    assert stored == load.sensors.accepted
    assert len(stored) == ALERTS
    groups = rows("SELECT count(*) FROM incidents_alert WHERE source = %s GROUP BY incident_id", SOURCE)
    assert groups == [(ALERTS_PER_DEVICE,)] * (ALERTS // ALERTS_PER_DEVICE)
    ended = load.ledger.run_statuses()
    assert ended == {"succeeded": ACTIONS}, ended
    orders = rows("SELECT (state ->> 'effects')::int FROM connectors_connectorstate WHERE object_kind = 'order'")
    assert orders == [(1,)] * ACTIONS
    verified = load.portal.run("manage", "audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


# ---- the broker ----


@pytest.fixture
def own_broker() -> Iterator[Valkey]:
    """A broker that nobody starts again by himself, and that comes back having forgotten everything."""
    with tempfile.TemporaryDirectory(prefix="soc-broker-") as folder:
        sockets = make_socket_folder()
        broker = Valkey(Path(folder) / "valkey", sockets=sockets, log=Path(folder) / "valkey.log", durable=False)
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()
            sockets.rmdir()


def test_the_broker_is_away_for_ten_minutes_under_load(own_broker: Valkey, tmp_path: Path) -> None:
    """The ten minutes are those of the rows: what waits was stored ten minutes before the broker is back."""
    portal = StartedPortal(tmp_path / "data", servers={"REDIS_URL": own_broker.url})
    with portal.running():
        load = begin(portal)
        load.work(first=True)
        own_broker.stop()
        load.work(first=False)  # every alert and every decision is taken without it
        status, told = health(portal)
        assert (status, told["database"], told["broker"], told["workers"]) == (503, True, False, False)
        wait_longer(load)
        own_broker.start()
        load.settles()
        assert wait_until(portal.is_healthy, seconds=60, pause=0.3)
        nothing_is_lost_or_doubled(load)
        assert set(load.api.statuses) <= {200, 201, 202, 409, 422}, load.api.statuses


def wait_longer(load: Load) -> None:
    for table, columns, which in CLOCKS:
        moved = ", ".join(f"{column} = {column} - interval '{AWAY}'" for column in columns)
        load.ledger.rows(f"UPDATE {table} SET {moved} WHERE {which} RETURNING 1")


# ---- the database ----


def test_the_database_is_restarted_under_load(tmp_path: Path) -> None:
    portal = StartedPortal(tmp_path / "data")
    with portal.running():
        load = begin(portal)
        with ThreadPoolExecutor(1) as hands:
            work = hands.submit(load.work, first=True)
            restarts = 0
            while 503 not in load.api.statuses and restarts < 5:
                assert wait_until(portal.is_healthy, seconds=60, pause=0.2)
                os.kill(next(iter(portal.children().values())), signal.SIGINT)
                restarts += 1
                assert wait_until(lambda: 503 in load.api.statuses or portal.is_healthy(), seconds=60, pause=0.1)
            work.result()
        load.work(first=False)
        load.settles()
        nothing_is_lost_or_doubled(load)
        assert 503 in load.api.statuses
        assert 500 not in load.api.statuses, load.portal.last_lines()
        assert wait_until(portal.is_healthy, seconds=60, pause=0.3)


# ---- the disk ----


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(place)]
    mounted = subprocess.run(words, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk of its own can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_refuses_alerts_loses_none_and_is_told(small_disk: Path) -> None:
    portal = StartedPortal(small_disk / "data")
    with portal.running():
        load = begin(portal)
        load.work(first=True)
        load.settles()
        ballast = small_disk / "ballast"
        fill(ballast)
        answers = send_until_refused(load)
        assert health(portal)[1]["disk"] is False
        assert "ERROR    disk:" in portal.run("doctor").stdout
        ballast.unlink()
        assert wait_until(portal.is_healthy, seconds=90, pause=0.3), portal.last_lines()
        whole_or_not_at_all(load, answers)
        load.work(first=False)
        load.settles()
        nothing_is_lost_or_doubled(load)
        assert 500 not in load.api.statuses, portal.last_lines()


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


def send_until_refused(load: Load) -> dict[int, int]:
    """Batches of long alerts, each asked once; batch -> answer, 0 where none came. The last one was refused."""
    answers: dict[int, int] = {}
    for batch in range(200):
        items = [{**alert(number), "description": "x" * 10_000} for number in numbers_of(batch)]
        told = load.api._ask(f"/ingest/graph?source={FILLER}", items, load.sensors.token)
        answers[batch] = 202 if told else 0
        if 503 in load.api.statuses:
            return answers
    raise AssertionError(f"a full disk took everything: {load.api.statuses}")


def numbers_of(batch: int) -> range:
    return range(900_000 - (batch + 1) * BATCH, 900_000 - batch * BATCH)


def whole_or_not_at_all(load: Load, answers: dict[int, int]) -> None:
    told = load.ledger.rows("SELECT right(provider_alert_id, 6)::int FROM incidents_alert WHERE source = %s", FILLER)
    stored = {number for (number,) in told}
    for batch, answer in answers.items():
        wanted = set(numbers_of(batch))
        assert wanted & stored in ([wanted] if answer == 202 else [set(), wanted]), (batch, answer)
    evidence = load.ledger.rows(
        "SELECT count(*) FROM incidents_evidence e JOIN incidents_alert a ON a.id = e.alert_id WHERE a.source = %s"
        " GROUP BY a.id", FILLER,
    )  # fmt: skip
    assert set(evidence) <= {(2,)}
