"""Connections that answer nothing any more stand beside the feeds that fell silent."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from connectors.enums import Health
from connectors.models import Connection
from connectors.services.connections import create_connection
from connectors.services.watch import WARDEN, check_due
from core import clock, options
from core.actors import Actor
from core.models import AuditEvent
from notifications.models import Notice, Pulse
from notifications.services import pulse
from notifications.services.connection_pulse import watch_connections
from notifications.services.pulse import find_silent
from notifications.services.route import route_due
from tests.conftest import SignedIn

pytestmark = pytest.mark.django_db
TESTS = Actor.system("tests")


@pytest.fixture(autouse=True)
def looked_for_long() -> None:
    cache.set(pulse.LOOKING, clock.real_now() - timedelta(days=1), timeout=300)


@pytest.fixture
def connection(db: None) -> Any:
    return create_connection(name="EDR of the branch", kind="simulator", actor=TESTS)


def answered(connection: Connection, *, ago: timedelta) -> None:
    at = clock.real_now() - ago
    Connection.objects.filter(pk=connection.pk).update(health=Health.HEALTHY, checked_at=at, created=at)


def told(topic: str, user: User) -> list[str]:
    route_due()
    return list(Notice.objects.filter(user=user, topic=topic).values_list("title", flat=True))


def test_a_connection_that_answers_nothing_for_longer_than_its_limit_is_an_alarm(
    adam: User, connection: Connection
) -> None:
    answered(connection, ago=timedelta(minutes=50))
    assert watch_connections(actor=TESTS) == 0
    Pulse.objects.update(limit_minutes=45)
    assert find_silent(actor=TESTS) == 1
    assert told("source.silent", adam) == ["EDR of the branch has been silent for 50 min"]
    answered(connection, ago=timedelta(0))
    watch_connections(actor=TESTS)
    assert Pulse.objects.get().silent_since is None


def test_an_order_that_it_took_is_a_sign_of_life(connection: Connection) -> None:
    answered(connection, ago=timedelta(hours=3))
    connection.deliveries.create(
        reference="run:1", action="device.isolate", target_kind="device", remote_id="1", idempotency_key="1",
        give_up_at=clock.now(), delivered_at=clock.real_now() - timedelta(minutes=2),
    )  # fmt: skip
    watch_connections(actor=TESTS)
    assert Pulse.objects.get().silence < timedelta(minutes=3)


def test_a_failed_check_is_told_once_and_ends_with_the_next_good_one(
    client: Client, signed_in: SignedIn, adam: User, connection: Connection
) -> None:
    answered(connection, ago=timedelta(0))
    watch_connections(actor=TESTS)
    Connection.objects.update(health=Health.UNHEALTHY, health_detail="The password has run out.")
    assert [watch_connections(actor=TESTS) for _ in range(2)] == [1, 0]
    assert told("connection.failed", adam) == ["EDR of the branch does not answer"]
    page = signed_in(client, adam)
    shown = page.get("/admin/sources/").content.decode()
    assert "Check failed" in shown
    assert "The password has run out." in shown
    answered(connection, ago=timedelta(0))
    watch_connections(actor=TESTS)
    assert "Check failed" not in page.get("/admin/sources/").content.decode()


def test_what_is_switched_off_may_be_silent_and_what_is_gone_is_forgotten(adam: User, connection: Connection) -> None:
    answered(connection, ago=timedelta(hours=2))
    watch_connections(actor=TESTS)
    Pulse.objects.update(limit_minutes=45)
    Connection.objects.update(enabled=False, health=Health.UNHEALTHY)
    assert watch_connections(actor=TESTS) == find_silent(actor=TESTS) == 0
    connection.delete()
    watch_connections(actor=TESTS)
    assert not Pulse.objects.exists()


def test_connections_are_asked_again_and_again_and_only_a_change_is_on_record(connection: Connection) -> None:
    assert check_due(actor=WARDEN) == 1
    assert check_due(actor=WARDEN) == 0
    with clock.at(clock.now() + timedelta(minutes=20)):
        Connection.objects.update(checked_at=clock.real_now() - timedelta(minutes=20))
        assert check_due(actor=WARDEN) == 1
    assert AuditEvent.objects.filter(verb="connection.health").count() == 1
    options.put("connections.check_minutes", 0, actor=TESTS, reason="Quiet")
    Connection.objects.update(checked_at=None)
    assert check_due(actor=WARDEN) == 0
