"""Two hands at once, and hands that vanish in the middle."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database

from accounts.models import User
from connectors.kinds.simulator import world
from connectors.models import Delivery
from core import clock
from remediation.enums import OPEN_STATUSES
from remediation.models import ActionRun, Refusal
from remediation.refused import Refused
from remediation.services.cancel import cancel_run
from remediation.services.carry_out import carry_out
from remediation.services.decide import approve_run
from remediation.services.execute import advance_run
from tests.factories.remediation import Company, FileFactory, approve, ask, company, saw

HANDS = 4


def at_once(deed: Callable[[], Any]) -> list[Any]:
    """What each of several hands got back; an exception counts as its result."""

    def one(_: int) -> Any:
        try:
            return deed()
        except Exception as error:  # noqa: BLE001 - the result is looked at
            return error
        finally:
            database.close()

    with ThreadPoolExecutor(HANDS) as hands:
        return list(hands.map(one, range(HANDS)))


def expire_leases() -> None:
    past = clock.real_now() - timedelta(seconds=1)
    Delivery.objects.exclude(leased_until=None).update(leased_until=past)
    ActionRun.objects.exclude(next_step_at=None).update(next_step_at=past)


def sweep_until_ended(run: ActionRun) -> None:
    """As the sweep does with what a race left behind, once the leases of those who raced are over; it comes again."""
    for _ in range(3):
        expire_leases()
        for part in run.children.filter(status__in=OPEN_STATUSES):
            carry_out(part)


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_at_once_one_wins(ada: User) -> None:
    device = company().device()
    results = at_once(lambda: ask(User.objects.get(pk=ada.pk), "device.isolate", device))
    assert sum(isinstance(result, ActionRun) for result in results) == 1
    refused = [result for result in results if isinstance(result, Refused)]
    assert {one.code for one in refused} == {"conflict"}
    assert Refusal.objects.count() == len(refused) == HANDS - 1


@pytest.mark.django_db(transaction=True)
def test_of_many_decisions_at_once_one_counts(ada: User, rita: User) -> None:
    run = ask(ada, "device.isolate", company().device())

    def decide() -> ActionRun:
        user = User.objects.get(pk=rita.pk)
        return approve_run(ActionRun.objects.get(pk=run.pk), actor=user.actor, user=user)

    results = at_once(decide)
    assert sum(isinstance(result, ActionRun) for result in results) == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_takes_the_step(ada: User, rita: User) -> None:
    run = approve(rita, ask(ada, "device.isolate", company().device()))
    assert sorted(at_once(lambda: advance_run(run.pk))) == [False] * (HANDS - 1) + [True]
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_cancelling_the_whole_while_its_parts_end_leaves_no_part_behind(ada: User, rita: User) -> None:
    place, file = company(), FileFactory.create()
    devices = [place.device() for _ in range(HANDS)]
    for device in devices:
        world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, *devices)
    run = approve(rita, ask(ada, "file.quarantine", file))
    parts = iter(list(run.children.all()))

    def end_one_or_cancel() -> None:
        part = next(parts)
        carry_out(part)
        if part.status == "queued" or part.pk % 2:
            cancel_run(ActionRun.objects.get(pk=run.pk), actor=rita.actor, user=User.objects.get(pk=rita.pk))

    results = at_once(end_one_or_cancel)
    assert all(result is None or isinstance(result, Refused) for result in results), results
    sweep_until_ended(run)
    run.refresh_from_db()
    assert run.status in {"succeeded", "partially_succeeded", "cancelled"}
    assert sum(run.result[word] for word in ("verified", "open", "skipped", "failed")) == HANDS
    assert not run.result["open"]


class Killed(BaseException):
    """The worker is gone: nothing after this point runs, and nothing is cleaned up."""


@pytest.mark.django_db
@pytest.mark.parametrize(
    "where",
    [
        "remediation.services.execute.order_delivery",
        "remediation.services.execute.set_desired",
        "connectors.services.step.submit",
        "connectors.services.deliver.settle",
        "connectors.services.step.poll",
        "connectors.services.poll.settle",
        "remediation.services.verify.observe",
        "remediation.services.verify.end_run",
        "remediation.services.outcome.tell_evidence",
    ],
)
def test_a_worker_killed_at_any_point_doubles_and_loses_nothing(
    where: str, ada: User, rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Company = company()
    device = place.device()
    run = approve(rita, ask(ada, "device.isolate", device))

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    monkeypatch.setattr(where, die)
    with pytest.raises(Killed):
        carry_out(run)
    monkeypatch.undo()
    expire_leases()
    run.refresh_from_db()
    carry_out(run)
    assert (run.status, run.verification["done"]) == ("succeeded", True)
    assert world.effects_of(place.connection, Delivery.objects.get().idempotency_key) == 1
    assert len(place.state(device)["history"]) == 1


@pytest.mark.django_db
def test_what_a_dead_worker_holds_is_free_after_its_lease(ada: User, rita: User) -> None:
    run = approve(rita, ask(ada, "device.isolate", company().device()))
    ActionRun.objects.filter(pk=run.pk).update(next_step_at=clock.real_now() + timedelta(seconds=30), steps=1)
    assert not advance_run(run.pk)
    expire_leases()
    assert advance_run(run.pk)
