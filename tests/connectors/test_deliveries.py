"""One order, whatever happens between us and the remote side."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from connectors.enums import DeliveryState
from connectors.kinds.simulator import world
from connectors.kinds.simulator.connector import SimulatorConnector
from connectors.models import Connection, Delivery
from connectors.ports import Report
from connectors.services.cancel import Cancelled, cancel_delivery
from connectors.services.connections import create_connection, secrets_of, set_enabled
from connectors.services.deliver import Order, order_delivery, target_seen
from connectors.services.health import check_health
from connectors.services.settle import Step, settle
from connectors.services.step import due_deliveries, step_delivery
from connectors.targets import Target
from core import clock
from core.actors import Actor
from core.models import OutboxEvent

pytestmark = pytest.mark.django_db
ME = Actor.system("test")


@pytest.fixture
def connection(db: None) -> Connection:
    return create_connection(
        name="Lab", kind="simulator", settings={"start_after_s": "0", "finish_after_s": "0"}, actor=ME
    )


def order(connection: Connection, key: str = "", **behaviour: object) -> Delivery:
    world.put_target(connection, "device", "d1", behaviour=behaviour)
    return order_delivery(
        Order(
            reference="run:1",
            key=key or uuid4().hex,
            connection=connection,
            action="device.isolate",
            target=Target("device", "d1"),
            arguments={"isolation_type": "full"},
        )
    )


def step(delivery: Delivery) -> Delivery:
    step_delivery(delivery.pk, even_if_not_due=True)
    delivery.refresh_from_db()
    return delivery


def test_each_step_moves_one_state_and_is_told(connection: Connection) -> None:
    delivery = order(connection)
    assert [step(delivery).state, step(delivery).state] == ["delivered", "succeeded"]
    events = OutboxEvent.objects.filter(topic="delivery.changed")
    assert {event.payload["reference"] for event in events} == {"run:1"}
    assert delivery.receipt["action"] == "device.isolate"


def test_the_same_key_is_the_same_delivery(connection: Connection) -> None:
    assert order(connection, "k1").pk == order(connection, "k1").pk


def test_a_step_is_not_taken_before_it_is_due(connection: Connection) -> None:
    delivery = order(connection, start_after_s=60, finish_after_s=60)
    assert step_delivery(delivery.pk)
    assert not step_delivery(delivery.pk)
    assert due_deliveries() == []


def test_a_held_delivery_is_left_alone_until_the_lease_ends(connection: Connection) -> None:
    delivery = order(connection)
    Delivery.objects.update(leased_until=clock.real_now() + timedelta(seconds=5))
    assert not step_delivery(delivery.pk)
    Delivery.objects.update(leased_until=clock.real_now() - timedelta(seconds=1))
    assert step_delivery(delivery.pk)


def test_a_worker_that_lost_its_claim_may_not_write(connection: Connection) -> None:
    delivery = order(connection)
    late = Delivery.objects.get(pk=delivery.pk)
    step(delivery)
    assert not settle(late, Step(DeliveryState.FAILED, error="late"))
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_a_worker_killed_in_the_middle_of_a_submit_doubles_nothing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = order(connection)
    killed = pytest.MonkeyPatch()
    killed.setattr("connectors.services.deliver.settle", _die)
    with pytest.raises(KeyboardInterrupt):
        step_delivery(delivery.pk)
    killed.undo()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.maybe_sent, delivery.ticket) == ("queued", True, "")
    Delivery.objects.update(leased_until=clock.real_now() - timedelta(seconds=1))
    step(delivery)
    assert step(delivery).state == "succeeded"
    assert world.effects_of(connection, delivery.idempotency_key) == 1


def _die(*_: object) -> bool:
    raise KeyboardInterrupt


def test_what_may_have_left_is_not_cancelled_behind_its_back(connection: Connection) -> None:
    delivery = order(connection, loses_answers=1, start_after_s=60, finish_after_s=60)
    step(delivery)
    assert cancel_delivery(delivery, actor=ME) == Cancelled.ASKED
    step(delivery)
    assert step(delivery).state == "cancelled"
    assert world.effects_of(connection, delivery.idempotency_key) == 0


def test_what_has_not_left_is_cancelled_at_once(connection: Connection) -> None:
    delivery = order(connection, offline=True)
    step(delivery)
    assert cancel_delivery(delivery, actor=ME) == Cancelled.AT_ONCE
    assert not step_delivery(delivery.pk, even_if_not_due=True)


def test_what_has_ended_cannot_be_cancelled(connection: Connection) -> None:
    delivery = step(step(order(connection)))
    assert cancel_delivery(delivery, actor=ME) == Cancelled.TOO_LATE


def test_back_off_grows(connection: Connection) -> None:
    delivery = order(connection, unavailable=9)
    waits = []
    for _ in range(5):
        step(delivery)
        waits.append((delivery.due - clock.real_now()).total_seconds())
    assert waits == sorted(waits)
    assert waits[-1] > 5 * waits[0]
    assert delivery.error_code == "unavailable"


def test_a_target_that_shows_up_is_tried_at_once(connection: Connection) -> None:
    delivery = order(connection, offline=True)
    step(delivery)
    assert due_deliveries() == []
    assert target_seen(connection, "d1") == 1
    assert due_deliveries() == [delivery.pk]


def test_silence_is_unknown_and_after_a_day_given_up(connection: Connection) -> None:
    delivery = step(step(order(connection, hangs=True)))
    assert delivery.state == "started"
    with clock.at(clock.now() + timedelta(hours=2)):
        assert step(delivery).state == "unknown"
    with clock.at(clock.now() + timedelta(days=2)):
        assert step(delivery).state == "timed_out"


def test_a_kind_that_was_removed_leaves_the_order_waiting(connection: Connection) -> None:
    delivery = order(connection)
    Connection.objects.update(kind="gone")
    assert (step(delivery).state, delivery.error_code) == ("queued", "misconfigured")


def test_health_is_kept_and_audited(connection: Connection) -> None:
    assert check_health(connection, actor=ME) == "healthy"
    Connection.objects.filter(pk=connection.pk).update(kind="gone")
    assert check_health(Connection.objects.get(), actor=ME) == "unhealthy"


def test_a_connection_refuses_settings_it_does_not_know(connection: Connection) -> None:
    with pytest.raises(ValidationError):
        create_connection(name="x", kind="simulator", settings={"colour": "red"}, actor=ME)
    with pytest.raises(ValidationError):
        create_connection(name="x", kind="nothing", actor=ME)
    assert secrets_of(connection) == {}
    set_enabled(connection, enabled=False, actor=ME, reason="test")
    assert not Connection.objects.get().enabled


@pytest.mark.parametrize(("moving", "state"), [(True, "started"), (False, "unknown")])
def test_what_is_arriving_just_now_is_not_late(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, moving: bool, state: str
) -> None:
    delivery = order(connection)
    step(delivery)
    report = Report(state=DeliveryState.STARTED, moving=moving)
    monkeypatch.setattr(SimulatorConnector, "poll", lambda *_: report)
    step(delivery)
    Delivery.objects.update(started_at=clock.now() - timedelta(days=1))
    assert step(delivery).state == state
