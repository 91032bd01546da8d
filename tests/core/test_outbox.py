"""What was announced is delivered after commit, at least once, in order, whatever fails."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from core import clock, outbox
from core.models import OutboxEvent

heard: list[tuple[str, int]] = []
failing: set[str] = set()


def first(number: int) -> None:
    _hear("first", number)


def second(number: int) -> None:
    _hear("second", number)


def _hear(name: str, number: int) -> None:
    heard.append((name, number))
    if name in failing:
        raise ZeroDivisionError(name)


WIRING = {"thing.made": [f"{__name__}.first", f"{__name__}.second"], "thing.lost": []}


@pytest.fixture(autouse=True)
def wiring(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    heard.clear()
    failing.clear()
    listeners = {
        topic: tuple((name, globals()[name.rpartition(".")[2]]) for name in names) for topic, names in WIRING.items()
    }
    monkeypatch.setattr(outbox, "pipeline", lambda: listeners)


def publish(number: int) -> None:
    with transaction.atomic():
        outbox.publish("thing.made", number=number)


def due_again() -> None:
    OutboxEvent.objects.update(due=clock.real_now() - timedelta(seconds=1))


def test_listeners_hear_an_event_once_and_in_order() -> None:
    publish(1)
    publish(2)
    assert outbox.deliver() == 2
    assert outbox.deliver() == 0
    assert heard == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]


def test_what_was_rolled_back_is_never_heard() -> None:
    with transaction.atomic():
        outbox.publish("thing.made", number=1)
        transaction.set_rollback(True)
    outbox.deliver()
    assert heard == []


def test_a_failing_listener_is_tried_again_and_the_done_ones_are_not() -> None:
    failing.add("second")
    publish(1)
    assert outbox.deliver() == 0
    failing.clear()
    assert outbox.deliver() == 0  # not due yet: it waits longer after each failure
    due_again()
    assert outbox.deliver() == 1
    assert heard == [("first", 1), ("second", 1), ("second", 1)]


def test_a_later_listener_waits_for_the_one_before_it() -> None:
    failing.add("first")
    publish(1)
    outbox.deliver()
    assert heard == [("first", 1)]


def test_a_poisoned_event_does_not_hold_up_the_others() -> None:
    failing.add("first")
    publish(1)
    outbox.deliver()
    failing.clear()
    publish(2)
    assert outbox.deliver() == 1
    assert heard[-1] == ("second", 2)


def test_the_wait_grows_and_the_error_is_kept_without_its_text() -> None:
    failing.add("first")
    publish(1)
    waits: list[Any] = []
    for _ in range(4):
        due_again()
        outbox.deliver()
        waits.append(OutboxEvent.objects.get().due - clock.real_now())
    assert waits == sorted(waits)
    assert OutboxEvent.objects.get().last_error.endswith("first: ZeroDivisionError")


def test_a_topic_that_nobody_declared_is_a_mistake() -> None:
    with pytest.raises(LookupError, match=r"thing\.odd"), transaction.atomic():
        outbox.publish("thing.odd")


def test_a_topic_without_listeners_leaves_no_row() -> None:
    with transaction.atomic():
        outbox.publish("thing.lost")
    assert not OutboxEvent.objects.exists()


def test_what_was_delivered_long_ago_is_forgotten() -> None:
    publish(1)
    outbox.deliver()
    publish(2)
    OutboxEvent.objects.filter(delivered_at__isnull=False).update(delivered_at=clock.real_now() - timedelta(days=8))
    assert outbox.forget_delivered() == 1
    assert OutboxEvent.objects.count() == 1
