"""Telling: one row with the thing itself, heard after commit, by people who may read it, in words they may read."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.models import DeviceGroup, User
from core import clock
from core.actors import Actor
from notifications import audiences
from notifications.models import Message, Notice
from notifications.services.route import route_due
from notifications.services.tell import tell
from tests.factories.people import DeviceGroupFactory, person

pytestmark = pytest.mark.django_db
CLOCK = Actor.system("clock")


@pytest.fixture(autouse=True)
def papers(readable: set[int]) -> None:
    """Every test tells of papers."""


def tell_of_paper(number: int = 1, **given: Any) -> None:
    with transaction.atomic():
        tell("paper.written", subject=f"paper:{number}", title="A paper on CANARY", body="of CANARY", actor=CLOCK,
             **given)  # fmt: skip


def heard_by(user: User) -> list[str]:
    route_due()
    return list(Notice.objects.visible_to(user).values_list("title", flat=True))


def test_news_outside_a_transaction_is_refused(transactional_db: None) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        tell("paper.written", subject="paper:1", title="x", actor=CLOCK)


def test_news_of_something_that_did_not_happen_is_never_told(ada: User) -> None:
    with transaction.atomic():
        tell("paper.written", subject="paper:1", title="x", actor=CLOCK)
        transaction.set_rollback(True)
    assert heard_by(ada) == []


def test_an_undeclared_topic_is_a_mistake_in_the_code() -> None:
    with pytest.raises(LookupError, match=r"paper\.read"):
        tell("paper.read", subject="paper:1", title="x", actor=CLOCK)


def test_those_who_may_read_it_hear_of_it_once(ada: User) -> None:
    tell_of_paper(once="first")
    tell_of_paper(once="first")
    assert heard_by(ada) == ["A paper on CANARY"]
    assert heard_by(ada) == ["A paper on CANARY"]


def test_named_people_hear_of_it_and_nobody_else(ada: User, rita: User) -> None:
    tell_of_paper(people=[rita])
    assert heard_by(rita) == ["A paper on CANARY"]
    assert heard_by(ada) == []


def test_nobody_named_is_nobody_told(ada: User) -> None:
    tell_of_paper(people=[])
    assert not Message.objects.exists()


def test_naming_somebody_does_not_widen_what_they_may_read(ada: User, eve: User, elsewhere: DeviceGroup) -> None:
    here = DeviceGroupFactory.create(name="Here")
    with transaction.atomic():
        tell("paper.written", subject="no-room-knows:1", title="On CANARY", people=[ada, eve],
             device_group_ids=[here.pk], actor=CLOCK)  # fmt: skip
    assert heard_by(ada) == ["On CANARY"]
    assert heard_by(eve) == []


def test_somebody_who_sees_a_part_reads_neutral_words(eve: User, elsewhere: DeviceGroup) -> None:
    here = DeviceGroupFactory.create(name="Here")
    tell_of_paper(device_group_ids=[here.pk, elsewhere.pk], severity="High")
    assert heard_by(eve) == ["A paper was written: paper 1"]
    notice = Notice.objects.get(user=eve)
    assert (notice.body, notice.severity) == ("", "")


def test_what_a_room_lets_nobody_read_is_told_to_nobody(ada: User) -> None:
    tell_of_paper(number=2)
    assert heard_by(ada) == []


def test_people_who_were_switched_off_or_lack_the_right_hear_nothing(ada: User) -> None:
    ada.is_active = False
    ada.save()
    feed = person("feed", "ingest")
    tell_of_paper(people=[ada, feed])
    route_due()
    assert not Notice.objects.exists()


def test_history_that_is_played_is_news_to_nobody(ada: User) -> None:
    with clock.at(clock.now() - timedelta(days=3)):
        tell_of_paper()
    assert not Message.objects.exists()


def test_an_address_outside_the_portal_is_not_taken_over(ada: User) -> None:
    tell_of_paper(url="//evil.example/")
    assert Message.objects.get().url == ""


def test_a_message_that_cannot_be_routed_is_tried_again(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_of_paper()
    with monkeypatch.context() as broken:
        broken.setitem(audiences._registered, "paper", audiences.Audience(lambda user, pk: bool(1 / 0)))
        assert route_due() == 0
    message = Message.objects.get()
    assert (message.attempts, message.last_error) == (1, "ZeroDivisionError")
    Message.objects.update(due=clock.real_now())
    assert heard_by(ada) == ["A paper on CANARY"]
