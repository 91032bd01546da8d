"""Sources that fall silent, and news of the portal itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from core import audit_check, clock, options, outbox
from core.actors import Actor
from core.backups import note_backup
from core.models import AuditSeal, BackupKind
from incidents.ingest.accept import accept_alerts
from incidents.models import DeadLetter
from incidents.services.dead_letter_alarm import MOST, SENTRY, watch_dead_letters
from notifications.models import Message, Notice, Pulse
from notifications.services import pulse
from notifications.services.pulse import find_silent, note_beat
from notifications.services.route import route_due
from tests.conftest import SignedIn

pytestmark = pytest.mark.django_db
TESTS = Actor.system("tests")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def looked_for_long() -> None:
    cache.set(pulse.LOOKING, clock.real_now() - timedelta(days=1), timeout=300)


def heard_every(gap: timedelta, *, days: float, ago: timedelta) -> Pulse:
    """A source that was heard from every `gap` for `days`, the last time `ago`."""
    end = clock.real_now() - ago
    at = end - timedelta(days=days)
    row = Pulse.objects.create(key="feed:graph:sensor", label="sensor", first_at=at, last_at=at)
    while at < end:
        at = min(at + gap, end)
        note_beat(row, now=at, detail="graph", actor=TESTS)
    return row


def told(topic: str, user: User) -> list[str]:
    outbox.deliver()
    route_due()
    return list(Notice.objects.filter(user=user, topic=topic).values_list("title", flat=True))


@pytest.mark.parametrize(
    ("gap", "ago", "alarm"),
    [(timedelta(minutes=1), timedelta(minutes=14), False), (timedelta(minutes=1), timedelta(minutes=20), True),
     (HOUR, 1.4 * HOUR, False), (HOUR, 1.6 * HOUR, True), (12 * HOUR, 16 * HOUR, False), (12 * HOUR, 19 * HOUR, True)],
)  # fmt: skip
def test_a_source_is_measured_by_its_own_rhythm(adam: User, gap: timedelta, ago: timedelta, alarm: bool) -> None:
    heard_every(gap, days=0.4 if gap < HOUR else 8, ago=ago)
    Pulse.objects.update(first_at=clock.real_now() - timedelta(days=9))
    assert find_silent(actor=TESTS) == int(alarm)
    assert find_silent(actor=TESTS) == 0
    assert len(told("source.silent", adam)) == int(alarm)


def test_a_source_known_too_short_alarms_nobody() -> None:
    heard_every(HOUR, days=0.5, ago=timedelta(days=3))
    assert find_silent(actor=TESTS) == 0


def test_a_silence_that_was_an_alarm_is_not_learned_and_the_next_is_one_again(adam: User) -> None:
    row = heard_every(HOUR, days=3, ago=5 * HOUR)
    assert find_silent(actor=TESTS) == 1
    row.refresh_from_db()
    note_beat(row, now=clock.real_now(), detail="graph", actor=TESTS)
    assert row.silent_since is None
    assert row.usual == HOUR
    Pulse.objects.update(last_at=clock.real_now() - 2 * HOUR)
    assert find_silent(actor=TESTS) == 1
    assert len(told("source.silent", adam)) == 2


def test_a_limit_by_hand_counts_and_what_is_not_watched_does_not() -> None:
    row = heard_every(HOUR, days=3, ago=timedelta(minutes=30))
    pulse.set_limit(row, minutes=20, watched=True, actor=TESTS)
    assert find_silent(actor=TESTS) == 1
    Pulse.objects.update(silent_since=None, watched=False)
    assert find_silent(actor=TESTS) == 0


def test_after_the_portal_was_away_its_sources_have_time_to_be_heard() -> None:
    heard_every(HOUR, days=3, ago=5 * HOUR)
    cache.delete(pulse.LOOKING)
    assert find_silent(actor=TESTS) == 0
    cache.set(pulse.LOOKING, clock.real_now() - timedelta(minutes=16), timeout=300)
    assert find_silent(actor=TESTS) == 1


def test_alerts_that_come_in_are_a_beat_and_those_of_exercises_are_not(
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for exercise in ("", "demo"):
            item = {"id": f"a{exercise}", "title": "x", "createdDateTime": "2026-11-22T09:00:00Z"}
            accept_alerts([item], format="graph", source=f"sensor{exercise}", actor=TESTS, exercise=exercise)
    assert list(Pulse.objects.values_list("key", flat=True)) == ["feed:graph:sensor"]


def test_the_page_of_sources_sets_limits_and_forgets(
    client: Client, signed_in: SignedIn, adam: User, ada: User
) -> None:
    row = heard_every(HOUR, days=3, ago=5 * HOUR)
    find_silent(actor=TESTS)
    assert signed_in(client, ada).get("/admin/sources/").status_code == 403
    body = signed_in(client, adam).get("/admin/sources/").content.decode()
    assert "Silent" in body
    assert "1 h 30 min" in body
    assert client.post(f"/admin/sources/{row.pk}/limit/", {"minutes": "1"}).status_code == 422
    client.post(f"/admin/sources/{row.pk}/limit/", {"minutes": "600", "watched": "on"})
    assert Pulse.objects.get().limit_minutes == 600
    client.post(f"/admin/sources/{row.pk}/forget/")
    assert not Pulse.objects.exists()


def test_dead_letters_that_pile_up_are_told_once_an_hour(adam: User, ada: User) -> None:
    options.put(MOST.key, 3, actor=TESTS)
    for _ in range(2):
        DeadLetter.objects.create(source="sensor", format="graph", raw=b"{}", code="x", message="x")
    assert not watch_dead_letters(actor=SENTRY)
    DeadLetter.objects.create(source="sensor", format="graph", raw=b"{}", code="x", message="x")
    assert watch_dead_letters(actor=SENTRY)
    assert watch_dead_letters(actor=SENTRY)
    assert told("dead_letters.growing", adam) == ["3 alerts within an hour could not be read"]
    assert told("dead_letters.growing", ada) == []


def test_a_broken_chain_is_told_to_those_who_read_the_audit_log(
    adam: User, mona: User, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    AuditSeal.objects.create(seq=1, event_id=1, event_at=clock.now(), digest=b"x" * 32)
    audit_check.run()
    for reader in (adam, mona):
        assert told("audit.broken", reader) == ["The audit chain is broken at seal 1"]
    assert told("audit.broken", ada) == []


def test_a_failed_backup_is_told_and_one_that_worked_is_not(adam: User) -> None:
    note_backup(BackupKind.BACKUP, began=clock.real_now(), succeeded=True)
    assert not Message.objects.exists()
    note_backup(BackupKind.REHEARSAL, began=clock.real_now(), succeeded=False, detail="the disk is full")
    titles = told("backup.failed", adam)
    assert len(titles) == 1
    assert "restore rehearsal" in titles[0]
