"""What is left of open events, and of a broker that served another time, after a restore."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from core import clock, heartbeat, outbox
from core.after_restore import forget_broker_of_before, set_aside_events
from core.backups import last_backup, note_backup
from core.models import AuditEvent, BackupKind, OutboxEvent
from soc_portal.pipeline import AFTER_RESTORE, LISTENERS

pytestmark = pytest.mark.django_db


def test_only_named_listeners_still_hear_of_what_was_not_delivered() -> None:
    merged = OutboxEvent.objects.create(topic="incident.merged", payload={"source": 1, "target": 2})
    order = OutboxEvent.objects.create(topic="delivery.changed", payload={"delivery_id": 1, "reference": "run:1"})
    assert set_aside_events(but_for=AFTER_RESTORE, reason="Restored.") == 1
    merged.refresh_from_db()
    order.refresh_from_db()
    assert merged.delivered_at is None
    assert not set(merged.done) & AFTER_RESTORE
    assert order.delivered_at is not None
    assert order.last_error == "Restored."
    assert outbox.deliver(0) == 0


def test_what_is_named_for_after_a_restore_is_in_the_pipeline() -> None:
    assert {name for names in LISTENERS.values() for name in names} >= AFTER_RESTORE


@pytest.fixture
def broker() -> Iterator[None]:
    heartbeat.broker().flushdb()
    yield
    heartbeat.broker().flushdb()


def test_a_broker_of_another_time_is_emptied_once_for_each_restore(broker: None) -> None:
    heartbeat.broker().set("left", "over")
    assert not forget_broker_of_before(), "nothing was ever restored"
    note_backup(BackupKind.RESTORE, began=clock.real_now(), succeeded=True)
    assert forget_broker_of_before()
    assert heartbeat.broker().get("left") is None
    heartbeat.broker().set("of", "now")
    assert not forget_broker_of_before()
    assert heartbeat.broker().get("of") == b"now"


def test_the_last_backup_is_the_last_that_went_well() -> None:
    with transaction.atomic():
        good = note_backup(BackupKind.BACKUP, began=clock.real_now(), succeeded=True, file="a.tar", size=7)
        bad = note_backup(BackupKind.BACKUP, began=clock.real_now(), succeeded=False, detail="No room.")
    assert last_backup(BackupKind.BACKUP) == good
    assert last_backup(BackupKind.BACKUP, succeeded=None) == bad
    assert last_backup(BackupKind.REHEARSAL) is None
    assert set(AuditEvent.objects.values_list("verb", flat=True)) == {"backup.taken", "backup.failed"}
