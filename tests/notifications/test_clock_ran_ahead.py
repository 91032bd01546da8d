"""A clock that ran a day ahead and is right again: news is neither held up until tomorrow nor told twice."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import User
from core import clock
from core.actors import Actor
from notifications.enums import DigestRhythm, RuleKind
from notifications.models import DigestItem, Dispatch, Listening, Message, Pulse
from notifications.options import MOST_MAILS
from notifications.services.choices import choose, listen, next_digest
from notifications.services.digest import CLOCK, due_digests, order_digest
from notifications.services.pulse import LOOKING, SENTRY, find_silent
from notifications.services.put_right import put_right
from notifications.services.route import route_due
from notifications.services.rules import save_rule
from notifications.services.send import LEASE, WAITS_S
from tests.factories.clocks import Moved, mover
from tests.factories.mail import Postbox

pytestmark = pytest.mark.django_db
Told = Callable[..., None]
Sent = Callable[[], None]
DAY = timedelta(days=1)


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """`ahead(days=1)`: the machine's clock from now on; `ahead()` puts it right, and the sweep looks."""

    for move in mover(monkeypatch):

        def move_and_look(move: Moved = move, **by: float) -> None:
            move(**by)
            if not by:
                put_right()

        yield move_and_look


@pytest.fixture
def mailed(ada: User) -> User:
    ada.email = "ada@example.org"
    ada.save()
    return ada


def test_a_mail_written_in_a_wrong_tomorrow_leaves_today_and_once(
    ahead: Any, mailed: User, told: Told, sent: Sent, postbox: Postbox
) -> None:
    ahead(days=1)
    told(people=[mailed])
    ahead()
    for _ in range(2):
        sent()
        put_right()
    assert len(postbox.letters) == 1


def test_a_message_that_nobody_routed_in_a_wrong_tomorrow_is_routed_today(ahead: Any, mailed: User, told: Told) -> None:
    ahead(days=1)
    told(people=[mailed])
    Message.objects.update(routed_at=None)
    Dispatch.objects.all().delete()
    ahead()
    assert route_due() == 1
    assert Dispatch.objects.filter(next_attempt_at__lte=datetime.now(UTC)).count() == 1


@pytest.mark.parametrize("tries", range(1, len(WAITS_S) + 2))
def test_a_try_that_failed_in_a_wrong_tomorrow_is_made_again_today(
    ahead: Any, mailed: User, told: Told, tries: int
) -> None:
    told(people=[mailed])
    wait = timedelta(seconds=[*WAITS_S, 30][tries - 1])
    Dispatch.objects.update(attempts=tries, next_attempt_at=clock.real_now() + DAY + wait)
    ahead()
    assert Dispatch.objects.filter(next_attempt_at__lte=clock.real_now() + LEASE).count() == 1


@pytest.mark.parametrize("tries", range(1, len(WAITS_S) + 1))
def test_a_wait_that_is_as_long_as_it_should_be_stays(ahead: Any, mailed: User, told: Told, tries: int) -> None:
    told(people=[mailed])
    planned = clock.real_now() + timedelta(seconds=WAITS_S[tries - 1])
    Dispatch.objects.update(attempts=tries, next_attempt_at=planned)
    ahead()
    assert Dispatch.objects.get().next_attempt_at == planned


def test_quiet_hours_of_a_wrong_tomorrow_are_looked_at_again(ahead: Any, mailed: User, told: Told) -> None:
    now = clock.real_now()
    start, end = (now - timedelta(hours=1)).time(), (now + timedelta(hours=2)).time()
    listen(mailed, changes={"quiet_from": start, "quiet_to": end, "time_zone": "UTC"}, actor=mailed.actor)
    ahead(days=1)
    told(people=[mailed])
    ahead()
    row = Dispatch.objects.get()
    assert row.held_until == row.next_attempt_at
    assert row.held_until is not None
    assert now < row.held_until < now + timedelta(hours=3)
    Listening.objects.update(quiet_from=None)
    Dispatch.objects.update(created=clock.real_now() + DAY)
    put_right()
    assert Dispatch.objects.get().held_until is None


def test_a_flood_in_a_wrong_tomorrow_does_not_use_up_the_hours_of_today(ahead: Any, mailed: User, told: Told) -> None:
    ahead(days=1)
    told(people=[mailed])
    first = Dispatch.objects.get()
    Dispatch.objects.bulk_create(
        Dispatch(user=mailed, letter=f"x:{n}", status="sent", created=first.created) for n in range(MOST_MAILS.default)
    )
    ahead()
    told(people=[mailed])
    assert Dispatch.objects.order_by("-pk")[0].status == "waiting"


def test_a_digest_of_a_wrong_tomorrow_leaves_none_out_and_tells_nothing_twice(
    ahead: Any, mailed: User, told: Told
) -> None:
    listen(mailed, changes={"digest": DigestRhythm.DAILY, "digest_hour": 8, "time_zone": "UTC"}, actor=mailed.actor)
    choose(mailed, wanted={("paper.written", "digest"): True}, actor=mailed.actor)
    told(people=[mailed])
    ahead(days=3)
    for pk in due_digests():
        order_digest(pk, actor=CLOCK)
    ahead()
    row = Listening.objects.get(user=mailed)
    assert row.digest_due == next_digest(row, after=clock.real_now())
    assert DigestItem.objects.get().dispatch_id is not None
    Listening.objects.update(digest_due=clock.real_now())
    assert [order_digest(pk, actor=CLOCK) for pk in due_digests()] == [None]


def test_a_rule_made_in_a_wrong_tomorrow_speaks_today(
    ahead: Any, adam: User, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.services.match.OF_INCIDENTS", frozenset({"paper.written"}))
    ahead(days=1)
    values = {"name": "R", "severities": {"*": ["high"]}, "once": False, "all_groups": True}
    save_rule(None, kind=RuleKind.INCIDENT, personal=False, author=adam, values=values, groups=[],
              addresses=["soc@example.org"], actor=Actor.system("tests"))  # fmt: skip
    ahead()
    told(severity="high")
    assert Dispatch.objects.filter(address="soc@example.org").count() == 1


def test_a_feed_that_was_heard_in_a_wrong_tomorrow_is_missed_today(ahead: Any) -> None:
    row = Pulse.objects.create(key="feed", label="Feed", limit_minutes=5, last_at=clock.real_now() + DAY)
    cache.set(LOOKING, clock.real_now() + DAY)
    ahead()
    assert find_silent(actor=SENTRY) == 0
    cache.set(LOOKING, clock.real_now() - timedelta(hours=1))
    heard_by_now = Pulse.objects.filter(pk=row.pk, last_at__lte=clock.real_now())
    heard_by_now.update(last_at=clock.real_now() - timedelta(minutes=9))
    assert find_silent(actor=SENTRY) == 1


def test_looking_since_a_wrong_tomorrow_counts_from_today(ahead: Any) -> None:
    ahead(days=1)
    find_silent(actor=SENTRY)
    ahead()
    find_silent(actor=SENTRY)
    assert cache.get(LOOKING) <= datetime.now(UTC)
