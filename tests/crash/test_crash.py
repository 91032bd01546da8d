"""Workers, web, broker and database are killed at random while alerts come in and actions are carried out.

`SOC_CRASH_TEST=whole ./soc test tests/crash` sends 20,000 alerts and 200 actions, which takes some minutes.
"""

import json
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from soc_portal.up.processes import wait_until
from tests.crash.clients import ALERTS_PER_DEVICE, SOURCE, Api, Responders, Sensors, finished
from tests.crash.killer import Killer
from tests.crash.ledger import Ledger
from tests.started_portal import StartedPortal

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Size:
    alerts: int
    actions: int
    kills: int
    batch: int = 100
    settle_s: float = 120.0
    seed: int = 20_261_122


@dataclass
class Aftermath:
    """What the clients were told, and what the portal holds."""

    size: Size
    sensors: Sensors
    responders: Responders
    ledger: Ledger
    portal: StartedPortal


QUICK = Size(alerts=2_000, actions=40, kills=7)
WHOLE = Size(alerts=20_000, actions=200, kills=25, settle_s=300.0)


@pytest.fixture(scope="module")
def aftermath() -> Iterator[Aftermath]:
    """The portal after the storm, when nothing is under way any more."""
    size = WHOLE if os.environ.get("SOC_CRASH_TEST") == "whole" else QUICK
    with tempfile.TemporaryDirectory(prefix="soc-crash-") as folder:
        portal = StartedPortal(Path(folder) / "data")
        portal.start()
        try:
            yield weather(portal, size)
        finally:
            portal.end(signal.SIGTERM)


def weather(portal: StartedPortal, size: Size) -> Aftermath:
    told = portal.run("manage", "shell", "-v0", "-c", _lay(size.actions))
    company = json.loads(told.stdout.splitlines()[-1]) if told.returncode == 0 else pytest.fail(told.stderr)
    api = Api(portal.url, threading.Event())
    sensors = Sensors(api, token=company["tokens"]["sensor"], count=size.alerts, batch=size.batch)
    responders = Responders(api, tokens=company["tokens"], devices=company["devices"])
    killer, ledger = Killer(portal, seed=size.seed, kills=size.kills), Ledger(portal)
    with ThreadPoolExecutor(2) as senders, ThreadPoolExecutor(2) as deciders:
        try:
            finished(sensors.work(senders) + responders.work(deciders), meanwhile=killer.strike)
        finally:
            api.stop.set()
    assert wait_until(killer.strikes_the_last, seconds=size.settle_s), killer.killed
    settled = wait_until(ledger.is_settled, seconds=size.settle_s, pause=0.5)
    print(f"killed {dict(killer.killed)}, {api.retries} tries again, answers {api.statuses}")  # noqa: T201 - shown with a failure
    assert settled, f"{ledger.unsettled()}; {portal.last_lines()}"
    return Aftermath(size, sensors, responders, ledger, portal)


def _lay(devices: int) -> str:
    return f"from tests.crash.company import lay_company; lay_company({devices})"


def test_every_accepted_alert_exists_once_with_its_evidence(aftermath: Aftermath) -> None:
    stored = aftermath.ledger.rows("SELECT provider_alert_id, id::text FROM incidents_alert WHERE source = %s", SOURCE)
    assert len(stored) == aftermath.size.alerts
    assert dict(stored) == aftermath.sensors.accepted
    counts = aftermath.ledger.rows(
        "SELECT count(*) FROM incidents_evidence e JOIN incidents_alert a ON a.id = e.alert_id"
        " WHERE a.source = %s GROUP BY a.id",
        SOURCE,
    )
    assert set(counts) == {(2,)}


def test_every_alert_is_in_the_one_incident_it_belongs_to(aftermath: Aftermath) -> None:
    groups = aftermath.ledger.rows(
        "SELECT array_agg(right(provider_alert_id, 6)::int ORDER BY provider_alert_id) FROM incidents_alert"
        " WHERE source = %s GROUP BY incident_id",
        SOURCE,
    )
    first_of_each = range(0, aftermath.size.alerts, ALERTS_PER_DEVICE)
    assert sorted(group for (group,) in groups) == [list(range(n, n + ALERTS_PER_DEVICE)) for n in first_of_each]


def test_the_history_tells_of_each_alert_once_and_is_whole(aftermath: Aftermath) -> None:
    told = aftermath.ledger.value(
        "SELECT sum((data ->> 'accepted')::int) FROM core_audit_event WHERE verb = 'alerts.accepted' AND subject = %s",
        f"source:{SOURCE}",
    )
    assert told == aftermath.size.alerts
    verified = aftermath.portal.run("manage", "audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_every_decided_action_came_to_its_end(aftermath: Aftermath) -> None:
    runs = aftermath.ledger.rows("SELECT id::text, decision FROM remediation_actionrun")
    assert len(runs) == aftermath.size.actions
    assert {decision for _, decision in runs} == {"approved"}
    assert sorted(aftermath.responders.decided) == sorted(run for run, _ in runs)
    ended = aftermath.ledger.run_statuses()
    assert set(ended) <= {"succeeded", "unknown"}, ended
    assert ended["succeeded"] >= aftermath.size.actions * 0.95, ended


def test_each_order_took_effect_exactly_once(aftermath: Aftermath) -> None:
    orders = aftermath.ledger.rows(
        "SELECT object_id, (state ->> 'effects')::int FROM connectors_connectorstate WHERE object_kind = 'order'"
    )
    keys = [key for (key,) in aftermath.ledger.rows("SELECT idempotency_key FROM connectors_delivery")]
    assert sorted(key for key, _ in orders) == sorted(keys)
    assert len(keys) == aftermath.size.actions
    assert {effects for _, effects in orders} == {1}
    histories = aftermath.ledger.rows(
        "SELECT jsonb_array_length(state -> 'history') FROM connectors_connectorstate WHERE object_kind = 'device'"
    )
    assert histories == [(1,)] * aftermath.size.actions
