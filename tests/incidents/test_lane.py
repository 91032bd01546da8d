"""One lane of correlation, many ingests at once: nobody waits for ever, nothing is lost, nothing is doubled."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction

from incidents.correlation import engine
from incidents.correlation.engine import LANE_LOCK, correlate_waiting
from incidents.models import Alert, Device, Identity, Incident
from tests.factories.wire import NINE, correlated, device, graph_alert, take_in, user

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run all works at the same moment, each on a connection of its own."""
    start = threading.Barrier(len(works))

    def work(one: Callable[[], Any]) -> Any:
        try:
            start.wait(10)
            return one()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(work, works))


def hold(statement: str, *values: Any) -> Callable[[Callable[[], Any]], Any]:
    """Run a work while another connection holds what the statement locks."""

    def during(work: Callable[[], Any]) -> Any:
        locked, done = threading.Event(), threading.Event()

        def holder() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, values)
                locked.set()
                done.wait(20)
            connections.close_all()

        thread = threading.Thread(target=holder)
        thread.start()
        assert locked.wait(10)
        try:
            return work()
        finally:
            done.set()
            thread.join()

    return during


def test_a_standby_worker_goes_home() -> None:
    take_in(graph_alert())
    worked = hold("SELECT pg_advisory_xact_lock(%s)", LANE_LOCK)(correlate_waiting)
    assert worked.elsewhere
    assert Alert.objects.filter(incident=None).count() == 1


def test_many_workers_at_once_correlate_each_alert_once() -> None:
    take_in(*(graph_alert(device(f"m{n}"), title=f"T{n}", detectorId=f"{n}") for n in range(60)))
    at_once(*[lambda: correlate_waiting(batch=7)] * 4)
    correlate_waiting()
    assert Incident.objects.count() == 60
    assert not Alert.objects.filter(incident=None).exists()


def test_an_alert_that_cannot_be_correlated_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(*(graph_alert(device(f"m{n}"), title=f"T{n}", detectorId=f"{n}") for n in range(9)))
    original = engine.find_groups

    def fail_on_one(nodes: Any, *rest: Any) -> Any:
        if any(node.title == "T4" for node in nodes):
            raise ArithmeticError("T4")
        return original(nodes, *rest)

    monkeypatch.setattr(engine, "find_groups", fail_on_one)
    assert correlate_waiting().alerts == 9
    assert Incident.objects.count() == 9


def test_the_lane_waits_for_a_person_who_holds_the_incident() -> None:
    incident = correlated(graph_alert(device(), title="One", detectorId="1"))[0]
    take_in(graph_alert(device(), title="Two", detectorId="2"))
    release = hold("SELECT id FROM incidents_incident WHERE id = %s FOR UPDATE", incident.pk)
    begun: list[threading.Thread] = []
    release(lambda: begun.append(correlate_waiting_in_thread()))
    begun[0].join(30)
    correlate_waiting()
    assert incident.alerts.count() == 2


def correlate_waiting_in_thread() -> threading.Thread:
    """Begin while the row is held; the lane tries again until it is free or gives way for now."""
    thread = threading.Thread(target=_correlate_on_its_own_connection)
    thread.start()
    thread.join(0.3)
    return thread


def _correlate_on_its_own_connection() -> None:
    try:
        correlate_waiting()
    finally:
        connections.close_all()


def test_the_same_batch_from_two_senders_at_once_is_stored_once() -> None:
    items = [graph_alert(device(f"m{n % 5}"), user(f"u{n % 7}")) for n in range(120)]
    receipts = at_once(*[lambda: take_in(*items)] * 3)
    assert sum(receipt.accepted for receipt in receipts) == 120
    assert sum(receipt.duplicates for receipt in receipts) == 240
    assert Alert.objects.count() == 120


def test_the_same_machine_told_by_several_names_at_once_is_one_device() -> None:
    bare = {"@odata.type": "#microsoft.graph.security.deviceEvidence", "hostName": "fin-ws-014"}
    for _ in range(5):
        Alert.objects.all().delete()
        Device.objects.all().delete()
        at_once(*(lambda named=named: take_in(graph_alert(named)) for named in (bare, device(), bare, device())))
        assert Device.objects.count() == 1


def test_batches_in_opposite_orders_do_not_stop_each_other() -> None:
    items = [graph_alert(device(f"m{n}"), user(f"u{n}"), id=f"a{n}") for n in range(80)]
    changed = [{**item, "title": "changed"} for item in items]
    take_in(*items)
    receipts = at_once(lambda: take_in(*changed), lambda: take_in(*reversed(changed)), correlate_waiting)
    assert sum(receipt.updated + receipt.duplicates for receipt in receipts[:2]) == 160
    correlate_waiting()
    assert not Alert.objects.filter(correlated=None).exists()
    assert Identity.objects.count() == 80


def test_an_alert_that_changes_while_it_is_correlated_waits_again() -> None:
    item = graph_alert(device(), at=NINE)
    correlated(item)
    take_in({**item, "severity": "high"})
    assert Alert.objects.filter(correlated=None).exclude(incident=None).count() == 1
    correlate_waiting()
    assert Incident.objects.get().severity == "high"
