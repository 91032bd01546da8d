"""Alerts that arrive one by one at the same moment share a transaction; nobody answers for somebody else's."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import Error, connection, connections, transaction

from core.actors import Actor
from core.models import AuditEvent
from incidents.ingest.accept import Receipt
from incidents.ingest.gathering import Feed, accept_together, count_waiting
from incidents.models import Alert, DeadLetter
from tests.factories.wire import device, graph_alert

pytestmark = pytest.mark.django_db(transaction=True)
FEED = Feed("graph", "sensor", Actor.system("test"))


def send(item: object) -> Receipt:
    try:
        return accept_together([item], feed=FEED)
    finally:
        connections.close_all()


def await_that(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def nothing_is_stored() -> Iterator[None]:
    """While another transaction holds the table."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE incidents_alert IN EXCLUSIVE MODE")
        yield


def blocked_backends() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted")
        return [pid for (pid,) in cursor.fetchall()]


def batches() -> int:
    return AuditEvent.objects.filter(verb="alerts.accepted").count()


def alerts(count: int) -> list[object]:
    return [graph_alert(device(f"m{n}"), id=f"a{n}", title=f"T{n}") for n in range(count)]


def test_who_comes_while_something_is_stored_goes_with_the_others() -> None:
    first, *others = alerts(7)
    with ThreadPoolExecutor(7) as pool:
        with nothing_is_stored():
            sent = [pool.submit(send, first)]
            await_that(lambda: len(blocked_backends()) == 1)
            sent += [pool.submit(send, one) for one in [*others[:5], {"title": "no id"}]]
            await_that(lambda: count_waiting(FEED) == 6)
        receipts = [one.result(20) for one in sent]
    assert [receipt.accepted for receipt in receipts] == [1, 1, 1, 1, 1, 1, 0]
    assert [row["index"] for receipt in receipts for row in receipt.alerts] == [0] * 6
    assert [receipt.alerts[0]["provider_alert_id"] for receipt in receipts[:6]] == [f"a{n}" for n in range(6)]
    assert [row["index"] for row in receipts[6].rejected] == [0]
    assert (Alert.objects.count(), DeadLetter.objects.count(), batches()) == (6, 1, 2)


def test_a_connection_that_is_lost_under_a_shared_transaction_costs_nobody_elses_alert() -> None:
    first, *others = alerts(5)
    with ThreadPoolExecutor(5) as pool:
        with nothing_is_stored():
            sent = [pool.submit(send, first)]
            await_that(lambda: len(blocked_backends()) == 1)
            lost = blocked_backends()
            sent += [pool.submit(send, one) for one in others]
            await_that(lambda: count_waiting(FEED) == 4)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_cancel_backend(%s)", lost)
                await_that(lambda: blocked_backends() not in ([], lost))
                cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
            await_that(lambda: len(blocked_backends()) >= 3)
        receipts = [one.result(20) for one in sent[1:]]
    assert isinstance(sent[0].exception(), Error)
    assert [receipt.accepted for receipt in receipts] == [1, 1, 1, 1]
    assert Alert.objects.count() == 4


def test_a_caller_with_a_transaction_of_its_own_shares_it_with_nobody() -> None:
    with transaction.atomic():
        accept_together(alerts(1), feed=FEED)
        transaction.set_rollback(True)
    assert not Alert.objects.exists()
    assert count_waiting(FEED) == 0
