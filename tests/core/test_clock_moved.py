"""The machine's clock is moved forward by a day and back again while the portal holds tokens, requests, leases and an
audit chain. `moved(days=1)` is what every process sees from then on, also the clock that nobody injects."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import transaction

from accounts.models import User
from accounts.services.tokens import issue_token
from connectors.models import Delivery
from connectors.services.step import due_deliveries, step_delivery
from core import audit, clock, outbox
from core.actors import Actor
from core.models import AuditEvent, OutboxEvent
from remediation.models import ActionRun
from remediation.services.carry_out import carry_out
from remediation.services.claims import claim_run, due_runs
from remediation.services.execute import advance_run
from remediation.services.expire import expire_due
from tests.factories.api import Caller
from tests.factories.clocks import Moved, mover
from tests.factories.remediation import Company, approve, ask, company

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    yield from mover(monkeypatch)


@pytest.fixture
def place(db: None) -> Company:
    return company()


def test_a_token_ends_with_the_clock_and_counts_again_when_it_is_right(moved: Moved, ada: User) -> None:
    _, secret = issue_token(ada, name="t", lifetime=timedelta(hours=2), actor=ada.actor)
    calls = Caller(secret)
    assert calls.get("/me").status == 200
    moved(days=1)
    assert calls.get("/me").status == 401
    moved()
    assert calls.get("/me").status == 200


def test_a_request_expires_no_earlier_than_it_should(moved: Moved, place: Company, ada: User, rita: User) -> None:
    run = ask(ada, "device.isolate", place.device())
    moved(days=1)
    expire_due()
    run.refresh_from_db()
    assert run.decision == "pending"
    approve(rita, run)
    moved()
    assert carry_out(run).status == "succeeded"
    assert run.decided_at is not None
    assert run.decided_at - run.created > DAY - timedelta(minutes=5)


def test_a_claim_made_in_a_wrong_tomorrow_does_not_block_today(
    moved: Moved, place: Company, ada: User, rita: User
) -> None:
    """A worker died while the clock was ahead: what it held would be its own for a day."""
    device = place.device(unavailable=1)
    run = approve(rita, ask(ada, "device.isolate", device))
    moved(days=1)
    advance_run(run.pk, even_if_not_due=True)
    order = Delivery.objects.get()
    step_delivery(order.pk, even_if_not_due=True)
    Delivery.objects.update(leased_until=clock.real_now() + timedelta(seconds=30))
    assert claim_run(run.pk, even_if_not_due=True) is not None
    moved()
    assert due_runs(10) == [run.pk]
    assert due_deliveries() == [order.pk]
    assert step_delivery(order.pk)
    assert carry_out(run).status == "succeeded"
    assert len(place.state(device)["history"]) == 1


def test_an_event_that_failed_in_a_wrong_tomorrow_is_tried_today(moved: Moved, db: None) -> None:
    moved(days=1)
    with transaction.atomic():
        outbox.publish("halt.changed")
    moved()
    outbox.deliver()
    assert not OutboxEvent.objects.filter(delivered_at=None).exists()


def test_the_history_keeps_the_order_of_what_happened_and_stays_whole(moved: Moved, db: None) -> None:
    me = Actor.system("clock")
    for number, by in enumerate(({}, {"days": 1}, {}, {"days": -1}, {})):
        moved(**by)
        audit.record("test.happened", subject=f"thing:{number}", actor=me)
        audit.seal()
    moved()
    told = AuditEvent.objects.filter(verb="test.happened").order_by("id").values_list("subject", flat=True)
    assert list(told) == [f"thing:{number}" for number in range(5)]
    call_command("audit", "verify")
    assert datetime.now(UTC) - clock.now() < timedelta(minutes=1)
    assert ActionRun.objects.count() == 0
