"""Rules, quiet hours, digests: who hears, when, and that nobody hears of what was before."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accounts.models import DeviceGroup, User
from core import clock, options, retention
from core.actors import Actor
from notifications.enums import DispatchStatus, RuleKind
from notifications.models import DigestItem, Dispatch, Listening, Message, Notice, Preference, Rule, RuleHit
from notifications.options import MOST_MAILS
from notifications.services.choices import next_digest, quiet_until
from notifications.services.digest import CLOCK, due_digests, order_digest
from notifications.services.rules import save_rule, switch_rule
from tests.factories.api import caller
from tests.factories.mail import Postbox, part_of
from tests.factories.people import DeviceGroupFactory, person

pytestmark = pytest.mark.django_db
Told = Callable[..., None]
ADMIN = Actor.system("tests")


@pytest.fixture(autouse=True)
def papers_are_incidents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifications.services.match.OF_INCIDENTS", frozenset({"paper.written"}))
    monkeypatch.setattr("notifications.services.match.OF_ACTIONS", {"paper.burns": "failed"})


def rule_of(author: User, **given: Any) -> Rule:
    values = {"name": "R", "severities": {"*": ["high"]}, "once": False, "all_groups": True} | given.pop("values", {})
    told = {"addresses": ["soc@example.org"]} | given.pop("told", {})
    kind = given.pop("kind", RuleKind.INCIDENT)
    return save_rule(None, kind=kind, personal=False, author=author, values=values, groups=given.pop("groups", []),
                     actor=ADMIN, **told)  # fmt: skip


def addressed() -> list[str]:
    return sorted(Dispatch.objects.exclude(address="").values_list("address", flat=True))


def test_a_new_rule_and_a_new_recipient_hear_only_of_what_comes_later(adam: User, told: Told) -> None:
    told(severity="high", once="before")
    rule = rule_of(adam)
    Message.objects.update(routed_at=None)  # routed late, after the rule was made
    told(severity="high", once="first")
    assert addressed() == ["soc@example.org"]
    save_rule(rule, kind=rule.kind, personal=False, author=adam, values={"name": "R"}, groups=[],
              addresses=["soc@example.org", "new@example.org"], actor=ADMIN)  # fmt: skip
    Message.objects.update(routed_at=None)
    told(severity="high", once="second")
    assert addressed() == ["new@example.org", "soc@example.org", "soc@example.org"]


def test_a_rule_that_is_switched_on_again_hears_only_of_what_comes_later(adam: User, told: Told) -> None:
    rule = rule_of(adam)
    switch_rule(rule, on=False, actor=ADMIN)
    told(severity="high", once="off")
    switch_rule(rule, on=True, actor=ADMIN)
    Message.objects.update(routed_at=None)
    told(severity="low", once="x")
    assert addressed() == []


@pytest.mark.parametrize(
    ("severities", "severity", "sources", "heard"),
    [({"*": ["high"]}, "high", ["EDR"], True), ({"*": ["high"]}, "medium", ["EDR"], False),
     ({"*": ["high"], "EDR": ["high", "medium"]}, "medium", ["EDR"], True),
     ({"*": ["high"], "EDR": ["high", "medium"]}, "medium", ["Mail"], False),
     ({"*": ["high"], "Mail": []}, "high", ["Mail"], False),
     ({"*": ["high"], "Mail": []}, "high", ["Mail", "EDR"], True)],
)  # fmt: skip
def test_a_source_may_have_a_severity_of_its_own(
    adam: User, told: Told, severities: dict[str, list[str]], severity: str, sources: list[str], heard: bool
) -> None:
    rule_of(adam, values={"severities": severities})
    told(severity=severity, facts={"sources": sources})
    assert bool(addressed()) == heard


def test_tags_narrow_a_rule_whatever_their_case(adam: User, told: Told) -> None:
    rule_of(adam, values={"tags": ["Ransomware"]})
    told(severity="high", facts={"tags": ["vip"]}, once="1")
    assert addressed() == []
    told(severity="high", facts={"tags": ["ransomware"]}, once="2")
    assert addressed() == ["soc@example.org"]


def test_once_per_incident_is_once(adam: User, told: Told) -> None:
    rule_of(adam, values={"once": True})
    told(severity="low", once="0")
    assert not RuleHit.objects.exists()
    told(severity="high", once="1")
    told(severity="high", once="2")
    assert addressed() == ["soc@example.org"]


def test_a_rule_on_some_groups_hears_of_those_and_reads_neutral_words_of_a_part(
    adam: User, told: Told, postbox: Postbox, sent: Callable[[], None]
) -> None:
    here, there = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    rule_of(adam, values={"all_groups": False}, groups=[here])
    told(severity="high", device_group_ids=[there.pk], once="1")
    assert addressed() == []
    told(severity="high", device_group_ids=[here.pk, there.pk], once="2")
    sent()
    assert "CANARY" not in postbox.raw[0].decode()
    assert postbox.letters[0]["subject"].endswith("A paper was written")


def test_recipients_without_an_account_read_what_the_author_may(adam: User, told: Told, elsewhere: DeviceGroup) -> None:
    rule_of(adam, told={"addresses": ["soc@example.org"]})
    told(number=101, severity="high", once="restricted")
    told(number=7, severity="high", once="hidden")
    adam.is_active = False
    adam.save()
    told(severity="high", once="author-off")
    assert addressed() == []


def test_a_recipient_with_an_account_reads_what_they_may_themselves(
    adam: User, eve: User, told: Told, readable: set[int]
) -> None:
    rule_of(adam, told={"addresses": [], "people": [eve]})
    here = DeviceGroupFactory.create()
    Preference.objects.create(user=eve, topic="paper.written", channel="page", wanted=False)
    told(severity="high", device_group_ids=[here.pk])
    assert [notice.title for notice in Notice.objects.filter(user=eve)] == ["A paper was written: paper 1"]


@pytest.mark.parametrize(
    ("values", "facts", "heard"),
    [({}, {"action": "device.isolate"}, True), ({"actions": ["device.isolate"]}, {"action": "device.isolate"}, True),
     ({"actions": ["file.quarantine"]}, {"action": "device.isolate"}, False),
     ({"action_source": "automated"}, {"action": "x"}, False),
     ({"action_source": "automated"}, {"action": "x", "automated": True}, True),
     ({"outcomes": ["completed"]}, {"action": "x"}, False)],
)  # fmt: skip
def test_rules_of_actions(adam: User, told: Told, values: dict[str, Any], facts: dict[str, Any], heard: bool) -> None:
    rule_of(adam, kind=RuleKind.ACTION, values={"outcomes": ["failed"], "severities": {}} | values)
    told(topic="paper.burns", facts=facts)
    assert bool(addressed()) == heard


def test_two_rules_send_one_mail_to_one_recipient_and_not_more_an_hour_than_allowed(adam: User, told: Told) -> None:
    options.put(MOST_MAILS.key, 2, actor=ADMIN)
    rule_of(adam)
    rule_of(adam, values={"name": "R2"})
    for number in range(3):
        told(severity="high", once=str(number))
    assert list(Dispatch.objects.exclude(address="").order_by("pk").values_list("status", flat=True)) == [
        DispatchStatus.WAITING, DispatchStatus.WAITING, DispatchStatus.SKIPPED,
    ]  # fmt: skip


# ---- quiet hours ----
VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize(
    ("now", "until"),
    [("2026-11-10 23:30", "2026-11-11 07:00"), ("2026-11-10 06:59", "2026-11-10 07:00"), ("2026-11-10 07:00", None),
     ("2026-11-10 21:59", None), ("2026-11-10 22:00", "2026-11-11 07:00"),
     ("2026-03-29 01:30", "2026-03-29 07:00"), ("2026-10-25 03:30", "2026-10-25 07:00")],
)  # fmt: skip
def test_quiet_hours_go_past_midnight_and_over_the_change_of_the_clocks(now: str, until: str | None) -> None:
    row = Listening(quiet_from=time(22), quiet_to=time(7), time_zone="Europe/Vienna")
    found = quiet_until(row, now=datetime.fromisoformat(now).replace(tzinfo=VIENNA))
    assert found == (datetime.fromisoformat(until).replace(tzinfo=VIENNA) if until else None)


@pytest.fixture
def quiet(ada_with_mail: User) -> Listening:
    """It is the middle of ada's quiet hours, whenever the test runs."""
    now = clock.real_now()
    return Listening.objects.create(
        user=ada_with_mail, quiet_from=(now - timedelta(hours=2)).time(), quiet_to=(now + timedelta(hours=2)).time()
    )


def test_mail_is_held_in_quiet_hours_and_sent_after(
    quiet: Listening, told: Told, postbox: Postbox, sent: Callable[[], None]
) -> None:
    told(people=[quiet.user])
    sent()
    row = Dispatch.objects.get()
    assert postbox.letters == []
    assert row.held_until is not None
    assert row.held_until - clock.real_now() > timedelta(hours=1)
    Dispatch.objects.update(next_attempt_at=clock.real_now())
    sent()
    assert len(postbox.letters) == 1


@pytest.mark.parametrize("breaks", [True, False])
def test_urgent_news_break_through_when_the_person_wants_it(
    quiet: Listening, told: Told, postbox: Postbox, sent: Callable[[], None], breaks: bool
) -> None:
    Listening.objects.update(urgent_breaks_through=breaks)
    told(topic="paper.burns", people=[quiet.user])
    sent()
    assert bool(postbox.letters) == breaks


# ---- digest ----
def test_a_digest_is_due_at_the_hour_and_day_of_the_person() -> None:
    monday = datetime(2026, 11, 9, 9, 0, tzinfo=VIENNA)
    daily = Listening(digest="daily", digest_hour=8, time_zone="Europe/Vienna")
    assert next_digest(daily, after=monday) == datetime(2026, 11, 10, 8, 0, tzinfo=VIENNA)
    weekly = Listening(digest="weekly", digest_hour=8, digest_day="0", time_zone="Europe/Vienna")
    assert next_digest(weekly, after=monday) == datetime(2026, 11, 16, 8, 0, tzinfo=VIENNA)
    assert next_digest(Listening(), after=monday) is None


def test_a_digest_tells_in_one_mail_what_may_still_be_read(
    ada_with_mail: User, told: Told, postbox: Postbox, sent: Callable[[], None], readable: set[int]
) -> None:
    now = clock.real_now()
    Listening.objects.create(user=ada_with_mail, digest="daily", digest_due=now - timedelta(minutes=1))
    Preference.objects.create(user=ada_with_mail, topic="paper.written", channel="mail", wanted=False)
    readable.add(2)
    told(number=1, title="First paper")
    told(number=2, title="Second paper")
    readable.discard(2)
    for pk in due_digests() * 2:
        order_digest(pk, actor=CLOCK)
    sent()
    letter = postbox.letters[0]
    text = part_of(letter, "plain")
    assert len(postbox.letters) == 1
    assert "First paper" in text
    assert "Second paper" not in text
    assert "1 piece of news" in letter["subject"]
    assert due_digests() == []
    assert not DigestItem.objects.filter(dispatch=None).exists()


def test_old_news_are_forgotten_with_all_that_hangs_on_them(adam: User, ada: User, told: Told) -> None:
    rule_of(adam)
    told(severity="high", once="old")
    long_ago = clock.real_now() - timedelta(days=91)
    Message.objects.update(created=long_ago)
    Dispatch.objects.update(status="sent")
    told(severity="high", once="new")
    assert retention.apply()["messages"] == 1
    assert [message.once for message in Message.objects.all()] == ["new"]
    assert Notice.objects.filter(user=ada).count() == 1


def test_a_rule_that_reaches_further_than_an_administrator_is_none_of_theirs(adam: User) -> None:
    mine, other = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    near = person("near", "admin", groups=[mine])
    both = rule_of(adam, groups=[mine, other], values={"all_groups": False, "name": "Both"})
    within = rule_of(adam, groups=[mine], values={"all_groups": False, "name": "Within"})
    rule_of(adam, values={"name": "All"})
    assert set(Rule.objects.visible_to(near)) == {within}
    assert caller(near).call("DELETE", f"/notification-rules/{both.pk}").status == 404
    assert Rule.objects.visible_to(adam).count() == 3
